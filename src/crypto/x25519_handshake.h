// The first handshake: one ephemeral X25519 key from each side. It keeps everyone out who only
// listens; it does not yet tell who the peer is (PROTOCOL, "Handshake").
#pragma once

#include <array>

#include "crypto/handshake.h"

namespace millrace {

class X25519Handshake final : public Handshake {
 public:
  // `entropy`: 32 uniformly random bytes for the private key and 32 for the hello; copied, the
  // caller wipes its own.
  explicit X25519Handshake(std::span<const uint8_t, 64> entropy);
  // The same for a new connection of a session that `previous` belongs to; its role stays.
  X25519Handshake(std::span<const uint8_t, 64> entropy, const SessionSecrets& previous);

  size_t PollMessage(MutableByteView out) override;
  Status HandleMessage(ByteView message) override;
  std::optional<SessionSecrets> TakeSecrets() override;

 private:
  // "MLRC" · version (2) · random (32) · X25519 public key (32) · resume tag (16)
  static constexpr size_t kHelloBytes = 4 + 2 + 32 + 32 + 16;

  struct Previous {
    Role role;
    ResumeTag tag;
    SecretKey master;
  };

  X25519Handshake(std::span<const uint8_t, 64> entropy, std::optional<Previous> previous);

  std::optional<Previous> previous_;
  SecretKey private_key_;
  std::array<uint8_t, kHelloBytes> hello_{};
  bool hello_sent_ = false;
  bool hello_received_ = false;
  std::optional<SessionSecrets> secrets_;
};

}  // namespace millrace
