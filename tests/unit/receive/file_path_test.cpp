#include "receive/file_path.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <string>

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

TEST_CASE("a file of whose name nothing is left stays in its folder") {
  CHECK(CleanPath("photos/...") == "photos/unnamed");
  CHECK(CleanPath("photos/\xe2\x80\xae") == "photos/unnamed");
  CHECK(CleanPath("photos/..") == "photos/unnamed");
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "d/";
  const std::string clean = CleanPath(deep + "..");
  CHECK(std::count(clean.begin(), clean.end(), '/') == 31);
  CHECK(clean.ends_with("/unnamed"));
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

TEST_CASE("names that only case or normalisation tells apart get numbers") {
  const auto second = [](const char* first, const char* other) {
    PathSet paths;
    paths.MakeUnique(first);
    return paths.MakeUnique(other);
  };
  // NFC and NFD; Greek with its two small sigmas; Cyrillic; sharp s; Hangul; the Kelvin sign; an
  // ideograph for compatibility; marks in another order; long s with two dots.
  CHECK(second("café", "cafe\xcc\x81") == "cafe\xcc\x81 (2)");
  CHECK(second("ΟΔΟΣ.txt", "οδος.txt") == "οδος (2).txt");
  CHECK(second("οδοσ.txt", "οδος.txt") == "οδος (2).txt");
  CHECK(second("Отчёт.doc", "ОТЧЁТ.DOC") == "ОТЧЁТ (2).DOC");
  CHECK(second("straße", "STRASSE") == "STRASSE (2)");
  CHECK(
      second("한글", "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab\xe1\x84\x80\xe1\x85\xb3\xe1\x86\xaf") ==
      "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab\xe1\x84\x80\xe1\x85\xb3\xe1\x86\xaf (2)");
  CHECK(second("300 K", "300 \xe2\x84\xaa") == "300 \xe2\x84\xaa (2)");
  CHECK(second("塚", "\xef\xa8\x90") == "\xef\xa8\x90 (2)");
  CHECK(second("a\xcc\xa3\xcc\x88", "a\xcc\x88\xcc\xa3") == "a\xcc\x88\xcc\xa3 (2)");
  CHECK(second("\xe1\xba\x9b\xcc\xa3", "ṩ") == "ṩ (2)");
  CHECK(second("Ordner/Ä", "ordner/ä") == "ordner/ä (2)");
  CHECK(second("Ä", "ä/b") == "ä (2)/b");
  // These are different names everywhere.
  CHECK(second("a", "á") == "á");
  CHECK(second("ı", "i") == "i");
  CHECK(second("ガ", "カ") == "カ");
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
