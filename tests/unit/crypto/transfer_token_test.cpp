#include "crypto/transfer_token.h"

#include <catch2/catch_test_macros.hpp>

#include "crypto/secret.h"

namespace millrace {
namespace {

TransferToken TokenOf(const std::vector<uint8_t>& secret, const std::vector<FileInfo>& files) {
  return DeriveTransferToken(secret, FileList(files));
}

TEST_CASE("the same secret and files give the same token, and any difference another one") {
  REQUIRE(InitializeCrypto());
  const std::vector<uint8_t> secret(16, 1);
  const std::vector<FileInfo> files{FileInfo{10, 5, "a", ""}, FileInfo{20, 5, "b", ""}};
  const TransferToken token = TokenOf(secret, files);
  CHECK(token == TokenOf(secret, files));
  CHECK(token != TransferToken{});
  CHECK(token != TokenOf(std::vector<uint8_t>(16, 2), files));

  using Files = std::vector<FileInfo>;
  CHECK(token != TokenOf(secret, Files{files[1], files[0]}));
  CHECK(token != TokenOf(secret, Files{files[0]}));
  CHECK(token != TokenOf(secret, Files{files[0], FileInfo{21, 5, "b", ""}}));
  CHECK(token != TokenOf(secret, Files{files[0], FileInfo{20, 6, "b", ""}}));
  CHECK(token != TokenOf(secret, Files{files[0], FileInfo{20, 5, "c", ""}}));
  CHECK(token != TokenOf(secret, Files{files[0], FileInfo{std::nullopt, 5, "b", ""}}));
  CHECK(TokenOf(secret, Files{FileInfo{0, 5, "b", ""}}) !=
        TokenOf(secret, Files{FileInfo{std::nullopt, 5, "b", ""}}));
}

}  // namespace
}  // namespace millrace
