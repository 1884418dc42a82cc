#include "receive/file_name.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "base/unicode.h"
#include "support/file_names.h"
#include "support/random.h"

namespace millrace {
namespace {

TEST_CASE("a harmless name stays as it is") {
  for (const char* name : {"a", "photo.jpg", " leading space", ".profile", "naïve 日本 🎉.txt",
                           "it's (1) [ok] & 100 %;.txt", "~$draft.docx", "console.log", "com10",
                           "bar.com9", "auxiliary", "conin", "x.con"}) {
    CHECK(CleanName(name) == name);
  }
}

TEST_CASE("joiners stay where a script or an emoji uses them") {
  // Persian, Devanagari, Malayalam, Sinhala, the abbreviation of the Hijri year, Mongolian.
  for (const char* name :
       {"می‌خواهم.pdf", "کتاب‌ها", "क्‍ष.png", "न्‍.txt",
        "ക്‍.txt", "ශ්‍රී", "١٤٤٥ه‍.txt", "ᠭᠠᠵᠠᠷ᠌‍"}) {
    CHECK(CleanName(name) == name);
  }
  // A family, a flag, a scientist with a skin tone, a broken chain, an eye in a bubble.
  for (const char* name : {"👨‍👩‍👧.png", "🏳️‍🌈.png", "👩🏽‍🔬",
                           "⛓️‍💥", "👁️‍🗨️"}) {
    CHECK(CleanName(name) == name);
  }
  CHECK(CleanName("ab\xe2\x80\x8d"
                  "cd.txt") == "abcd.txt");
  CHECK(CleanName("a\xe2\x80\x8c") == "a");
  CHECK(CleanName("\xe2\x80\x8dphoto.jpg") == "photo.jpg");
  CHECK(CleanName("1\xe2\x80\x8d🎉") == "1🎉");
  CHECK(CleanName("🎉\xe2\x80\x8d.png") == "🎉.png");
  CHECK(CleanName("می\xe2\x80\x8c\xe2\x80\x8cخواهم") == "می\xe2\x80\x8cخواهم");
}

TEST_CASE("tags stay in the flag of a region only") {
  const std::string england =
      "🏴\xf3\xa0\x81\xa7\xf3\xa0\x81\xa2\xf3\xa0\x81\xa5\xf3\xa0\x81\xae\xf3\xa0\x81\xa7\xf3\xa0"
      "\x81\xbf";
  CHECK(CleanName(england + ".png") == england + ".png");
  // Without its end, without its flag, twice, with capitals that spell a text.
  CHECK(CleanName(england.substr(0, england.size() - 4) + ".png") == "🏴.png");
  CHECK(CleanName("x" + england.substr(4)) == "x");
  CHECK(CleanName(england + england.substr(4)) == england);
  CHECK(CleanName("🏴\xf3\xa0\x81\x88\xf3\xa0\x81\x89\xf3\xa0\x81\xbf") == "🏴");
}

TEST_CASE("characters that show nothing go, reserved ones are replaced") {
  CHECK(CleanName(std::string("a\0b\n\x7f\xc2\x85"
                              "c",
                              8)) == "abc");
  // A right-to-left override: a program that looks like a picture.
  CHECK(CleanName("photo\xe2\x80\xaegpj.exe") == "photogpj.exe");
  CHECK(CleanName("a\xe2\x80\x8b\xef\xbb\xbf\xe2\x81\xa6"
                  "b") == "ab");
  CHECK(CleanName("\xe2\x80\xae").empty());
  CHECK(CleanName("a<b>c:d\"e|f?g*h") == "a_b_c_d_e_f_g_h");
  for (const char32_t c :
       U"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028\u2029\u202a"
       U"\u202e\u2060\u2061\u2064\u2066\u2069\u206f\u2800\u3164\ufeff\uffa0\U000e0001") {
    if (c == 0) continue;
    std::string name = "a";
    AppendCodePoint(name, c);
    CHECK(CleanName(name + "b") == "ab");
  }
  // No characters: file systems refuse them.
  CHECK(CleanName("a\xef\xbf\xbe.txt") == "a\xef\xbf\xbd.txt");
}

TEST_CASE("device names, trailing dots and spaces do not reach a disk") {
  CHECK(CleanName("CON") == "_CON");
  CHECK(CleanName("nul.txt") == "_nul.txt");
  CHECK(CleanName("lpt9.tar.gz") == "_lpt9.tar.gz");
  CHECK(CleanName("COM¹.txt") == "_COM¹.txt");
  CHECK(CleanName("lpt³") == "_lpt³");
  CHECK(CleanName("CONIN$") == "_CONIN$");
  CHECK(CleanName("conout$.log") == "_conout$.log");
  CHECK(CleanName("AUX .txt") == "_AUX .txt");
  CHECK(CleanName("LPT9   :bar") == "LPT9   _bar");
  CHECK(CleanName("C\xe2\x80\x8bON") == "_CON");
  CHECK(CleanName("name. . .") == "name");
}

TEST_CASE("a name has at most 255 bytes, whatever is put before it, and ends between characters") {
  const std::string name = CleanName(std::string(300, 'x') + ".jpeg");
  CHECK(name.size() == 255);
  CHECK(name.ends_with("x.jpeg"));
  CHECK(CleanName(std::string(255, 'y')).size() == 255);
  CHECK(CleanName("a." + std::string(300, 'z')).size() == 255);
  CHECK(CleanName("con." + std::string(251, 'x')) == "_con." + std::string(250, 'x'));
  // Cut, this one is the name of a device.
  CHECK(CleanName("con" + std::string(300, ' ') + "x") == "_con");
  std::string families;
  for (int i = 0; i < 20; ++i) families += "👨‍👩‍👧";
  const std::string cut = CleanName(families);
  CHECK(cut.size() == 252);
  CHECK(CleanName(families + "x.png") == families.substr(0, 234) + ".png");
  std::string flags;
  for (int i = 0; i < 40; ++i) flags += "🇩🇪";
  CHECK(CleanName(flags).size() == 248);
  std::string accents = "e";
  for (int i = 0; i < 200; ++i) accents += "\xcc\x81";
  CHECK(CleanName(accents).size() == 255);
}

TEST_CASE("random names: clean once is clean, short, and no harmless one is changed") {
  testing::Random random(1);
  for (int i = 0; i < 20'000; ++i) {
    const std::string name = testing::RandomName(random);
    CAPTURE(name);
    CHECK(testing::BrokenNamePromise(name) == "");
    CHECK(testing::BrokenPathPromise(name + "/" + testing::RandomName(random)) == "");
  }
}

}  // namespace
}  // namespace millrace
