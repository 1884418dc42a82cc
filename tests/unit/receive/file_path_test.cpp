#include "receive/file_path.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <string>

#include "wire/utf8.h"

namespace millrace {
namespace {

TEST_CASE("ordinary paths stay as they are") {
  for (const char* path : {"a", "photo.jpg", "folder/sub folder/file.tar.gz", ".profile",
                           "naïve/日本/🎉.txt", "it's (1) [ok] & fine;.txt"}) {
    CHECK(CleanPath(path) == path);
  }
}

TEST_CASE("no path leads anywhere but down") {
  CHECK(CleanPath("../../etc/passwd") == "etc/passwd");
  CHECK(CleanPath("/etc/passwd") == "etc/passwd");
  CHECK(CleanPath("a/./b/../c") == "a/b/c");
  CHECK(CleanPath("..\\..\\windows\\system32") == "windows/system32");
  CHECK(CleanPath("C:\\x") == "C_/x");
  CHECK(CleanPath("a//b///c/") == "a/b/c");
  CHECK(CleanPath(". . /x") == "x");
  CHECK(CleanPath("...") == "unnamed");
  CHECK(CleanPath("/") == "unnamed");
}

TEST_CASE("unseen characters go, reserved ones are replaced") {
  CHECK(CleanPath(std::string("a\0b\n\x7f\xc2\x85"
                              "c",
                              8)) == "abc");
  // Right-to-left override: "exe.txt" that is none.
  CHECK(CleanPath("photo\xe2\x80\xaegpj.exe") == "photogpj.exe");
  CHECK(CleanPath("a\xe2\x80\x8b\xef\xbb\xbf\xe2\x81\xa6"
                  "b") == "ab");
  CHECK(CleanPath("\xe2\x80\xae") == "unnamed");
  CHECK(CleanPath("a<b>c:d\"e|f?g*h") == "a_b_c_d_e_f_g_h");
}

TEST_CASE("device names, trailing dots and spaces do not reach a disk") {
  CHECK(CleanPath("CON") == "_CON");
  CHECK(CleanPath("nul.txt") == "_nul.txt");
  CHECK(CleanPath("dir/Com1/x") == "dir/_Com1/x");
  CHECK(CleanPath("lpt9.tar.gz") == "_lpt9.tar.gz");
  CHECK(CleanPath("console.log") == "console.log");
  CHECK(CleanPath("com10") == "com10");
  CHECK(CleanPath("name. . .") == "name");
  CHECK(CleanPath("  name") == "name");
}

TEST_CASE("parts end within 255 bytes, between characters, with their extension") {
  const std::string name = CleanPath(std::string(300, 'x') + ".jpeg");
  CHECK(name.size() == 255);
  CHECK(name.ends_with("x.jpeg"));
  std::string wide;
  for (int i = 0; i < 100; ++i) wide += "\xe2\x82\xac";
  const std::string cut = CleanPath(wide);
  CHECK(cut.size() <= 255);
  CHECK(cut.size() > 250);
  CHECK(IsUtf8(cut));
  CHECK(CleanPath(std::string(255, 'y')).size() == 255);
  CHECK(CleanPath("a." + std::string(300, 'z')).size() == 255);
}

TEST_CASE("a path has at most 32 parts, and keeps its name") {
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "d/";
  const std::string clean = CleanPath(deep + "name.txt");
  CHECK(std::count(clean.begin(), clean.end(), '/') == 31);
  CHECK(clean.ends_with("/name.txt"));
}

TEST_CASE("equal names get numbers, whatever their case") {
  PathSet paths;
  CHECK(paths.MakeUnique("a.txt") == "a.txt");
  CHECK(paths.MakeUnique("a.txt") == "a (2).txt");
  CHECK(paths.MakeUnique("A.TXT") == "A (3).TXT");
  CHECK(paths.MakeUnique("dir/a.txt") == "dir/a.txt");
  CHECK(paths.MakeUnique("a (2).txt") == "a (2) (2).txt");
  CHECK(paths.MakeUnique(".profile") == ".profile");
  CHECK(paths.MakeUnique(".profile") == ".profile (2)");
}

TEST_CASE("a name is not both a file and a folder") {
  PathSet paths;
  CHECK(paths.MakeUnique("a/b") == "a/b");
  CHECK(paths.MakeUnique("a") == "a (2)");
  CHECK(paths.MakeUnique("x") == "x");
  CHECK(paths.MakeUnique("x/y") == "x (2)/y");
  CHECK(paths.MakeUnique("x/z") == "x (2)/z");
}

TEST_CASE("numbers do not push a name past its limit, and many equal names stay cheap") {
  PathSet paths;
  const std::string longest = std::string(251, 'n') + ".txt";
  paths.MakeUnique(longest);
  std::string last;
  for (int i = 0; i < 20'000; ++i) last = paths.MakeUnique(longest);
  CHECK(last.size() <= 255);
  CHECK(last.ends_with(" (20001).txt"));
}

TEST_CASE("names that differ only past where they are cut share their numbers") {
  PathSet paths;
  // Each name comes twice, and all the second ones are cut to the same beginning.
  std::string last;
  for (int i = 0; i < 8'000; ++i) {
    const std::string name = std::string(250, 'n') + std::to_string(10'000 + i);
    CHECK(paths.MakeUnique(name) == name);
    last = paths.MakeUnique(name);
  }
  CHECK(last == std::string(247, 'n') + " (8001)");
}

TEST_CASE("many files in the way of many folders") {
  PathSet paths;
  paths.MakeUnique("a");
  for (int i = 2; i < 8'000; ++i) paths.MakeUnique("a (" + std::to_string(i) + ")");
  for (int i = 0; i < 8'000; ++i) {
    CHECK(paths.MakeUnique("a/" + std::to_string(i)) == "a (8000)/" + std::to_string(i));
  }
}

}  // namespace
}  // namespace millrace
