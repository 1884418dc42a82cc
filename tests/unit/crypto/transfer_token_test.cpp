#include "crypto/transfer_token.h"

#include <catch2/catch_test_macros.hpp>

#include "crypto/secret.h"

namespace millrace {
namespace {

TEST_CASE("the same secret and files give the same token, and any difference another one") {
  REQUIRE(InitializeCrypto());
  const std::vector<uint8_t> secret(16, 1);
  const std::vector<FileInfo> files{FileInfo{10, 5, "a", ""}, FileInfo{20, 5, "b", ""}};
  const TransferToken token = DeriveTransferToken(secret, files);
  CHECK(token == DeriveTransferToken(secret, files));
  CHECK(token != TransferToken{});
  CHECK(token != DeriveTransferToken(std::vector<uint8_t>(16, 2), files));

  using Files = std::vector<FileInfo>;
  CHECK(token != DeriveTransferToken(secret, Files{files[1], files[0]}));
  CHECK(token != DeriveTransferToken(secret, Files{files[0]}));
  CHECK(token != DeriveTransferToken(secret, Files{files[0], FileInfo{21, 5, "b", ""}}));
  CHECK(token != DeriveTransferToken(secret, Files{files[0], FileInfo{20, 6, "b", ""}}));
  CHECK(token != DeriveTransferToken(secret, Files{files[0], FileInfo{20, 5, "c", ""}}));
  CHECK(token != DeriveTransferToken(secret, Files{files[0], FileInfo{std::nullopt, 5, "b", ""}}));
  CHECK(DeriveTransferToken(secret, Files{FileInfo{0, 5, "b", ""}}) !=
        DeriveTransferToken(secret, Files{FileInfo{std::nullopt, 5, "b", ""}}));
}

}  // namespace
}  // namespace millrace
