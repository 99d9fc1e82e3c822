// @{signature}
//
// The types of @{name}, and its top function: one event, every element at once.
#ifndef INFERON_@{NAME}_H
#define INFERON_@{NAME}_H

@{includes}

namespace @{scope} {

@{types}

}  // namespace @{scope}

void @{top};

#endif
