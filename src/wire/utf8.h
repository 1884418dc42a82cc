// UTF-8 by RFC 3629.
#pragma once

#include <string_view>

namespace millrace {

// True for well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsUtf8(std::string_view text);

}  // namespace millrace
