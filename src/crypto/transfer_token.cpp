#include "crypto/transfer_token.h"

#include <sodium.h>

#include <algorithm>
#include <array>

namespace millrace {

TransferToken DeriveTransferToken(ByteView secret, const FileList& files) {
  const size_t key_bytes = std::min<size_t>(secret.size(), crypto_generichash_KEYBYTES_MAX);
  TransferToken token{};
  crypto_generichash_state state;
  crypto_generichash_init(&state, secret.data(), key_bytes, token.size());
  for (size_t i = 0; i < files.count; ++i) {
    const FileInfo file = files.file(i);
    std::array<uint8_t, 1 + 3 * 8> numbers;
    ByteWriter writer(numbers);
    writer.U8(file.size ? 1 : 0);
    writer.U64(file.size.value_or(0));
    writer.U64(file.last_modified_ms);
    writer.U64(file.path.size());
    crypto_generichash_update(&state, numbers.data(), numbers.size());
    const ByteView path = AsBytes(file.path);
    crypto_generichash_update(&state, path.data(), path.size());
  }
  crypto_generichash_final(&state, token.data(), token.size());
  return token;
}

}  // namespace millrace
