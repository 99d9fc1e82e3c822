// The constants of @{name}, in row-major order.
#ifndef INFERON_@{NAME}_WEIGHTS_H
#define INFERON_@{NAME}_WEIGHTS_H

#include "@{name}.h"

namespace @{scope} {
@{constants}

}  // namespace @{scope}

#endif
