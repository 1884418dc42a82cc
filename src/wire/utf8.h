// UTF-8 by RFC 3629.
#pragma once

#include <cstddef>
#include <string_view>

namespace millrace {

// True for well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsUtf8(std::string_view text);

// The longest start of `text` of at most `most_bytes` that does not end inside a UTF-8 sequence.
// `text` is well-formed; of other text it is some start that is short enough.
std::string_view ClipUtf8(std::string_view text, size_t most_bytes);

}  // namespace millrace
