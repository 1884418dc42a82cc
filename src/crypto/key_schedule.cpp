#include "crypto/key_schedule.h"

#include <sodium.h>

#include <algorithm>
#include <string_view>

#include "base/bytes.h"

namespace millrace {
namespace {

SecretKey KeyedHash(const SecretKey& key, ByteView input) {
  SecretKey out;
  crypto_generichash(out.bytes().data(), out.bytes().size(), input.data(), input.size(),
                     key.bytes().data(), key.bytes().size());
  return out;
}

}  // namespace

SecretKey DeriveLaneKey(const SecretKey& master, Role sender, LaneId lane, uint8_t epoch) {
  std::array<uint8_t, 32> label;
  ByteWriter writer(label);
  writer.Bytes(AsBytes("millrace lane key"));
  writer.U8(static_cast<uint8_t>(sender));
  writer.U32(lane.value);
  writer.U8(epoch);
  return KeyedHash(master, writer.written());
}

ResumeTag DeriveResumeTag(const SecretKey& master) {
  const SecretKey hash = KeyedHash(master, AsBytes("millrace resume tag"));
  ResumeTag tag;
  std::copy_n(hash.bytes().begin(), tag.size(), tag.begin());
  return tag;
}

SecretKey DeriveResumedSecret(const SecretKey& previous, const SecretKey& fresh) {
  std::array<uint8_t, 64> label;
  ByteWriter writer(label);
  writer.Bytes(AsBytes("millrace resumed secret"));
  writer.Bytes(fresh.bytes());
  SecretKey resumed = KeyedHash(previous, writer.written());
  Wipe(label);
  return resumed;
}

SecretKey DeriveMasterSecret(const SecretKey& shared, const Digest& transcript) {
  std::array<uint8_t, 64> label;
  ByteWriter writer(label);
  writer.Bytes(AsBytes("millrace master secret"));
  writer.Bytes(transcript);
  return KeyedHash(shared, writer.written());
}

}  // namespace millrace
