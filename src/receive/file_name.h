// One part of a path of the peer, made fit for any disk and for people.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace millrace {

// What file systems allow at most for the name of a file or folder.
inline constexpr size_t kMaxNameBytes = 255;

// `name` by the rules of PROTOCOL.md, "File names": without characters that show nothing, with '_'
// for what Windows reserves and before the names of its devices, without dots and spaces at its
// end, and at most 255 bytes. Empty where nothing is left. `name` is UTF-8 without '/'. A name that
// is harmless on Windows, macOS and Linux stays as it is, and so does the result. Cost: linear.
std::string CleanName(std::string_view name);

// Where the extension of a name begins: the last dot that is not the first character; the end where
// there is none, or where it is too long to mean anything.
size_t ExtensionStart(std::string_view name);

}  // namespace millrace
