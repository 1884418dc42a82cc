// Numbers from outside that may be anything a double can be.
#pragma once

#include <cmath>

namespace millrace {

// A finite number that is not negative: what every amount, ratio and span has to be.
inline bool IsAmount(double number) { return std::isfinite(number) && number >= 0; }

}  // namespace millrace
