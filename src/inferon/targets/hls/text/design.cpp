// @{signature}
//
// @{title}
#include "@{name}.h"
#include "@{name}_parts.h"
#include "@{name}_weights.h"

namespace @{scope} {
@{functions}

}  // namespace @{scope}
@{top}
