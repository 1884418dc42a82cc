// Two handshakes and the messages between them, one at a time, for whoever wants to change some.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "crypto/handshake.h"
#include "support/handshakes.h"

namespace millrace::testing {

struct HandshakeSide {
  std::unique_ptr<Handshake> handshake;
  std::optional<SessionSecrets> secrets;
  std::optional<Error> error;
};

class HandshakePair {
 public:
  // The side whose message it is, 0 or 1, and its number on that side, from 0. May change it; with
  // false it is lost.
  using Tamper = std::function<bool(size_t from, size_t number, std::vector<uint8_t>& message)>;

  HandshakePair(std::unique_ptr<Handshake> a, std::unique_ptr<Handshake> b,
                std::string_view seen_by_b = kFingerprintA);

  // Lets messages cross until there are none left. Each side takes none after an error.
  void Run(const Tamper& tamper = nullptr);

  HandshakeSide& a() { return sides_[0]; }
  HandshakeSide& b() { return sides_[1]; }
  HandshakeSide& side(size_t index) { return sides_[index]; }
  bool BothAgreed() const;
  bool NeitherAgreed() const { return !sides_[0].secrets && !sides_[1].secrets; }
  // How often messages crossed, both ways at once: half a round trip each.
  size_t crossings() const { return crossings_; }

 private:
  HandshakeSide sides_[2];
  size_t sent_[2] = {0, 0};
  size_t crossings_ = 0;
};

std::vector<uint8_t> MasterOf(const std::optional<SessionSecrets>& secrets);

}  // namespace millrace::testing
