"""The numbers behind the elementary functions: one table for float32 and one for float64.

The polynomials are minimax fits of our own, made by benchmarks/elementary/fit.py, which prints
their errors and, with ``--check``, compares them with the numbers here.  Other constants are
roundings of the number in the comment.
"""

from __future__ import annotations

from dataclasses import dataclass

from inferon.ir.node import Node
from inferon.ir.types import Float, Int


@dataclass(frozen=True, slots=True)
class Format:
    """What a program needs to know of a format.

    Attributes
    ----------
    element, integer : the floats, and the ints of the same width
    mantissa_bits, bias : of the encoding (IEEE 754-2019, table 3.5)
    ln2 : high and low part of ln 2
    log2_e, two_over_pi : 1 / ln 2 and 2 / pi
    lowest_exp, highest_exp : ends of the arguments of exp with normal results
    exp_reach : beyond it e^x is 0 or infinite, and 2^n fits the exponent in two steps
    two_thirds_bits : the bits of 2/3 as a float
    tanh_split, erf_split : where the polynomial ends
    tanh_one, erf_one : there the result is computed as 1, which is the nearest float beyond
    half_pi : three parts of pi/2, each the rounded rest of the ones before
    largest_angle : up to it sin, cos and tan reduce their argument
    exp, log ... atanh : coefficients, lowest power first; () where a format has another way
    """

    element: Float
    integer: Int
    mantissa_bits: int
    bias: int
    ln2: tuple[float, float]
    log2_e: float
    lowest_exp: float
    highest_exp: float
    exp_reach: float
    two_thirds_bits: int
    tanh_split: float
    tanh_one: float
    erf_split: float
    erf_one: float
    half_pi: tuple[float, float, float]
    two_over_pi: float
    largest_angle: float
    exp: tuple[float, ...]
    exp2: tuple[float, ...]
    log: tuple[float, ...]
    log_series: tuple[float, ...]
    log_tail: tuple[float, ...]
    tanh: tuple[float, ...]
    erf: tuple[float, ...]
    erfc: tuple[float, ...]
    sin: tuple[float, ...]
    cos: tuple[float, ...]
    atan: tuple[float, ...]
    asin: tuple[float, ...]
    sinh: tuple[float, ...]
    asinh: tuple[float, ...]
    atanh: tuple[float, ...]

    @property
    def sign_bit(self) -> int:
        """The int of which only the sign bit is set."""
        return self.integer.lowest

    @property
    def exponent_and_sign(self) -> int:
        """The int that masks exponent and sign."""
        return -(1 << self.mantissa_bits)

    @property
    def smallest_normal(self) -> float:
        """The smallest number with a full mantissa."""
        return 2.0 ** (1 - self.bias)

    @property
    def rounder(self) -> float:
        """The number to add for x, rounded to an integer (ties to even), in the low bits."""
        return 1.5 * 2.0**self.mantissa_bits

    @property
    def rounder_bits(self) -> int:
        """The bits of the rounder."""
        return (self.mantissa_bits + self.bias << self.mantissa_bits) + (
            1 << self.mantissa_bits - 1
        )


SINGLE = Format(
    element=Float(32),
    integer=Int(True, 32),
    mantissa_bits=23,
    bias=127,
    # ln 2 = 0.69314718055994530941..., rounded to 24 bits, and what is left
    ln2=(0.6931472, -1.9046542e-09),
    log2_e=1.442695,  # 1 / ln 2
    lowest_exp=-87.33654,  # the smallest float32 above ln(2**-126) = -87.336544750...
    highest_exp=88.72283,  # the largest float32 below ln(2**128) = 88.722839111...
    exp_reach=150.0,  # above 149 ln 2 = 103.3 and below 2 * 126 ln 2 = 174.6
    two_thirds_bits=0x3F2AAAAB,
    tanh_split=0.6875,  # beyond it the rounding errors of the quotient are below the result's
    tanh_one=9.02,  # a little above artanh(1 - 2**-25) = 9.0109133...
    erf_split=0.93,  # beyond it the second fit's rounding errors count for less
    erf_one=3.93,  # erfc(3.9192...) = 2**-25
    # pi/2 = 1.57079632679489661923132169163975..., rounded to 24 bits, what is left, and again
    half_pi=(1.5707964, -4.371139e-08, -1.7151245e-15),
    two_over_pi=0.63661975,  # 2/pi = 0.636619772...
    largest_angle=2.0**22,
    # fit.py exp32: e^r = 1 + r + r^2 p(r), |r| <= ln(2)/2; relative error 2^-28.22
    exp=(0.49999994, 0.16666517, 0.041668102, 0.008369192, 0.001383887),
    # fit.py exp232: 2^r = 1 + r p(r), |r| <= 1/2; relative error 2^-26.26
    exp2=(0.6931472, 0.24022594, 0.055503663, 0.009625443, 0.0013387918, 0.0001333334),
    # fit.py log32: ln(1 + f) = f + f^2 p(f), |f| <= 1/3; relative error 2^-26.67
    log=(
        *(-0.5, 0.3333321, -0.24999718, 0.20010747, -0.16682304, 0.14001161, -0.12167167),
        *(0.1400476, -0.12948914),
    ),
    log_series=(),
    log_tail=(),
    # fit.py tanh32: tanh(x) = x + x^3 p(x^2), x <= tanh_split; relative error 2^-26.24
    tanh=(-0.33333212, 0.13329625, -0.05359535, 0.02019273, -0.005233587),
    # fit.py erf32: erf(x) = x + x p(x^2), x <= erf_split; relative error 2^-25.76
    erf=(0.12837915, -0.3761249, 0.1128173, -0.026762916, 0.0049872524, -0.0005958971),
    # fit.py erfc32: erfc(x) = 2^(x p(x)), erf_split <= x <= erf_one; absolute; error 2^-28.36
    erfc=(-1.6280968, -0.91716605, -0.15183572, 0.033006743, -0.004632931, 0.00030806314),
    # fit.py sin32: sin(r) = r + r^3 p(r^2), |r| <= 1.22 pi/4; relative error 2^-31.72
    sin=(-0.16666667, 0.008333359, -0.00019843955, 2.7384858e-06),
    # fit.py cos32: cos(r) = 1 + r^2 p(r^2), |r| <= 1.22 pi/4; relative error 2^-29.71
    cos=(-0.49999997, 0.041666415, -0.0013882116, 2.4072817e-05),
    # fit.py atan32: atan(t) = t + t^3 p(t^2), |t| <= 1/2; relative error 2^-27.46
    atan=(-0.33333233, 0.19994168, -0.14174213, 0.10155828, -0.051251654),
    # fit.py asin32: asin(s) = s + s^3 p(s^2), s <= 1/2; relative error 2^-27.62
    asin=(0.16666752, 0.074953094, 0.045469154, 0.024184743, 0.042158388),
    # fit.py sinh32: sinh(x) = x + x^3 p(x^2), x <= 1; relative error 2^-31.62
    sinh=(0.16666667, 0.0083333105, 0.00019842896, 2.7822132e-06),
    # fit.py asinh32: asinh(x) = x + x^3 p(x^2), x <= 1/2; relative error 2^-29.32
    asinh=(-0.16666643, 0.074986406, -0.044383094, 0.028164513, -0.013235362),
    # fit.py atanh32: atanh(x) = x + x^3 p(x^2), x <= 1/2; relative error 2^-25.42
    atanh=(0.3333373, 0.19978186, 0.14669552, 0.0824153, 0.18177944),
)

DOUBLE = Format(
    element=Float(64),
    integer=Int(True, 64),
    mantissa_bits=52,
    bias=1023,
    # ln 2, rounded to 53 bits, and what is left
    ln2=(0.6931471805599453, 2.3190468138462996e-17),
    log2_e=1.4426950408889634,  # 1 / ln 2
    lowest_exp=-708.3964185322641,  # the smallest float64 above ln(2**-1022)
    highest_exp=709.782712893384,  # the largest float64 below ln(2**1024)
    exp_reach=1100.0,  # above 1074 ln 2 = 744.4 and below 2 * 1022 ln 2 = 1416.8
    two_thirds_bits=0x3FE5555555555555,
    tanh_split=0.6875,
    tanh_one=19.07,  # a little above artanh(1 - 2**-54) = 19.0615...
    erf_split=0.925,
    erf_one=5.93,  # erfc(5.9215871957945...) = 2**-54
    # pi/2, rounded to 53 bits, what is left, and again
    half_pi=(1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33),
    two_over_pi=0.6366197723675814,
    largest_angle=2.0**50,
    # fit.py exp64: e^r = 1 + r + r^2 p(r), |r| <= ln(2)/2; relative error 2^-60.31
    exp=(
        *(0.5, 0.16666666666666682, 0.041666666666666095, 0.008333333333317046),
        *(0.0013888888889115568, 0.0001984126989638012, 2.4801586926629492e-05),
        *(2.755723486208928e-06, 2.7557581853362335e-07, 2.5112036792872332e-08),
        *(2.0826624865500005e-09,),
    ),
    # fit.py exp264: 2^r = 1 + r p(r), |r| <= 1/2; relative error 2^-55.61
    exp2=(
        *(0.6931471805599453, 0.24022650695910072, 0.05550410866482169, 0.00961812910762833),
        *(0.001333355814639265, 0.00015403530393640928, 1.525273385435379e-05),
        *(1.32154865947885e-06, 1.0178051927864678e-07, 7.0549745082470415e-09),
        *(4.4565727476482175e-10, 2.5625402838030467e-11),
    ),
    log=(),
    # fit.py log_series64: 2 artanh(s) = 2 s + s^3 p(s^2), s <= 1/5; relative error 2^-62.66
    log_series=(
        *(0.666666666666666, 0.4000000000005666, 0.2857142855583165, 0.22222224296213872),
        *(0.18181665881340442, 0.15391112095460743, 0.13173591327596207, 0.13843128736693885),
    ),
    # fit.py log_tail64: artanh(s) = s + s^3 (1/3 + s^2 p(s^2)), s <= 1/5; relative error 2^-75.63
    log_tail=(
        *(0.2, 0.14285714285713416, 0.11111111111357536, 0.09090909055375909, 0.07692310669508737),
        *(0.06666513114666932, 0.05887293334221124, 0.051668698179769046, 0.0579018031842834),
    ),
    # fit.py tanh64: tanh(x) = x + x^3 p(x^2), x <= tanh_split; relative error 2^-62.41
    tanh=(
        *(-0.33333333333333326, 0.13333333333332026, -0.053968253967465, 0.021869488512369337),
        *(-0.008863235108018239, 0.0035921232266859495, -0.0014557972509203307),
        *(0.0005898272521148504, -0.00023836399659418503, 9.483634843161384e-05),
        *(-3.529960918423934e-05, 1.0675402601216086e-05, -1.8536922653605236e-06),
    ),
    # fit.py erf64: erf(x) = x + x p(x^2), x <= erf_split; relative error 2^-56.33
    erf=(
        *(0.1283791670955126, -0.37612638903183754, 0.11283791670955068, -0.02686617064511689),
        *(0.005223977625253928, -0.0008548327008725732, 0.00012055332240973157),
        *(-1.4925625325068238e-05, 1.6461533604983565e-06, -1.6356553274566594e-07),
        *(1.4706076900799954e-08, -1.1570134728630746e-09, 6.324903175366816e-11),
    ),
    # fit.py erfc64: erfc(x) = 2^(x p(x)), erf_split <= x <= erf_one; absolute; error 2^-55.59
    erfc=(
        *(-1.62790700873831, -0.9184483125534487, -0.14826941399863153, 0.02759799955414915),
        *(0.0002939848271891545, -0.0024259374177342274, 0.0008128203882694882),
        *(1.4176912252597969e-05, -0.00014562838422361538, 8.466872159642215e-05),
        *(-3.0823467964161954e-05, 8.207787830806375e-06, -1.6571556891124642e-06),
        *(2.530794490182534e-07, -2.8457662890828393e-08, 2.2273028937637506e-09),
        *(-1.0844815628575001e-10, 2.473326273534347e-12),
    ),
    # fit.py sin64: sin(r) = r + r^3 p(r^2), |r| <= 1.22 pi/4; relative error 2^-62.85
    sin=(
        *(-0.16666666666666666, 0.008333333333333104, -0.00019841269841077872),
        *(2.755731914768585e-06, -2.505209216658453e-08, 1.6057150107223453e-10),
        *(-7.532634907651689e-13,),
    ),
    # fit.py cos64: cos(r) = 1 + r^2 p(r^2), |r| <= 1.22 pi/4; relative error 2^-59.32
    cos=(
        *(-0.4999999999999999, 0.04166666666666383, -0.0013888888888642025),
        *(2.4801587198905607e-05, -2.7557296258658527e-07, 2.087392156618322e-09),
        *(-1.1288514687628549e-11,),
    ),
    # fit.py atan64: atan(t) = t + t^3 p(t^2), |t| <= 1/2; relative error 2^-57.78
    atan=(
        *(-0.3333333333333298, 0.19999999999903104, -0.1428571427638489, 0.1111111065957463),
        *(-0.09090896242780365, 0.07692073876456534, -0.0666381020124569, 0.05858295833604396),
        *(-0.05121991067868309, 0.04186460527786198, -0.027434211897315132, 0.010116309810634922),
    ),
    # fit.py asin64: asin(s) = s + s^3 p(s^2), s <= 1/2; relative error 2^-59.86
    asin=(
        *(0.1666666666666676, 0.07499999999970865, 0.044642857174563115, 0.03038194270973429),
        *(0.022372214940125642, 0.01735161277019602, 0.013980812367275866, 0.011398973360557882),
        *(0.010779936823306467, 0.0037075175223778836, 0.021704924987201172),
        *(-0.020995707984292768, 0.0326266431473187),
    ),
    # fit.py sinh64: sinh(x) = x + x^3 p(x^2), x <= 1; relative error 2^-61.77
    sinh=(
        *(0.16666666666666669, 0.008333333333332912, 0.00019841269841593408),
        *(2.755731910675849e-06, 2.5052130998248217e-08, 1.6056659221971795e-10),
        *(7.776597892442e-13,),
    ),
    # fit.py asinh64: asinh(x) = x + x^3 p(x^2), x <= 1/2; relative error 2^-60.42
    asinh=(
        *(-0.1666666666666661, 0.07499999999984416, -0.044642857127830525, 0.030381943716340103),
        *(-0.02237213835681868, 0.0173523869329476, -0.013960232039264164, 0.011512982648503126),
        *(-0.00953413609036397, 0.0074655806630296315, -0.004747479295104309),
        *(0.0017180587913049668,),
    ),
    # fit.py atanh64: atanh(x) = x + x^3 p(x^2), x <= 1/2; relative error 2^-60.92
    atanh=(
        *(0.3333333333333328, 0.20000000000018558, 0.1428571428338824, 0.11111111258241912),
        *(0.09090903584177838, 0.07692440729022519, 0.0666448217415327, 0.05907481742767714),
        *(0.05057633709986953, 0.05958376609864906, -0.0053978720701694915, 0.17507638481523305),
        *(-0.1962927680957158, 0.24122723837416601),
    ),
)


def format_of(x: Node) -> Format:
    """Return the format of a float, or of the int that holds its bits."""
    return DOUBLE if x.type.element in (DOUBLE.element, DOUBLE.integer) else SINGLE
