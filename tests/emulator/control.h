// The commands of the control lines (README.md, "Commands").
#pragma once

#include <string>
#include <string_view>

#include "emulator/emulator.h"

namespace millrace::emulator {

// Does what a line says and gives the answer, a line of JSON without its end. What makes no sense
// changes nothing and is answered `{"error": …}`.
std::string Execute(std::string_view line, Emulator& emulator);

}  // namespace millrace::emulator
