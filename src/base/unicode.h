// Properties of characters that names of files need, from the Unicode Character Database.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

// A code point, and its length in UTF-8, bytes.
struct CodePoint {
  uint32_t value = 0;
  size_t length = 0;
};

// The code point at `at` of well-formed UTF-8; `at` is where one begins.
CodePoint DecodeCodePoint(std::string_view text, size_t at);
void AppendCodePoint(std::string& text, uint32_t code_point);

// Shows nothing: control characters, line separators, bidirectional controls, default ignorables.
// Not the joiners and variation selectors, which have a meaning beside other characters. Cost of
// this and the next three: a binary search.
bool IsInvisible(uint32_t code_point);
// Of a script in which a joiner (U+200C, U+200D) can change how a word looks.
bool UsesJoiners(uint32_t code_point);
// Extended_Pictographic: what emoji are made of.
bool IsPictographic(uint32_t code_point);
// Belongs to the character before it: marks, joiners, emoji modifiers, vowels of Hangul.
bool ExtendsCharacter(uint32_t code_point);

// The longest beginning of at most `most_bytes` that ends between characters as people see them, or
// between code points where the first character is longer. `text` is well-formed UTF-8.
std::string_view ClipCharacters(std::string_view text, size_t most_bytes);

// Two texts that a file system without regard to case or normalisation takes for the same give
// equal results: canonical decomposition and full case folding (Unicode 3.13, D145). Marks of one
// letter are sorted by number instead of by class, so that a few texts that differ in nothing but
// the order of their marks count as the same. `text` is well-formed UTF-8. Cost: linear, with a
// binary search for each character beyond ASCII.
std::vector<uint32_t> FoldText(std::string_view text);

}  // namespace millrace
