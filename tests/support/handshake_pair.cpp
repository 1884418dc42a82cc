#include "support/handshake_pair.h"

namespace millrace::testing {

HandshakePair::HandshakePair(std::unique_ptr<Handshake> a, std::unique_ptr<Handshake> b,
                             std::string_view seen_by_b) {
  sides_[0].handshake = std::move(a);
  sides_[1].handshake = std::move(b);
  sides_[0].handshake->Begin(kFingerprintA, kFingerprintB);
  sides_[1].handshake->Begin(kFingerprintB, seen_by_b);
}

void HandshakePair::Run(const Tamper& tamper) {
  while (true) {
    std::vector<std::vector<uint8_t>> crossing[2];
    for (size_t from = 0; from < 2; ++from) {
      for (auto message = NextMessage(*sides_[from].handshake); !message.empty();
           message = NextMessage(*sides_[from].handshake)) {
        if (!tamper || tamper(from, sent_[from], message)) crossing[from].push_back(message);
        ++sent_[from];
      }
    }
    if (crossing[0].empty() && crossing[1].empty()) return;
    ++crossings_;
    for (size_t from = 0; from < 2; ++from) {
      HandshakeSide& to = sides_[1 - from];
      for (const std::vector<uint8_t>& message : crossing[from]) {
        if (to.error || to.secrets) break;
        const Status handled = to.handshake->HandleMessage(message);
        if (!handled.ok()) to.error = handled.error();
        to.secrets = to.handshake->TakeSecrets();
      }
    }
  }
}

std::vector<uint8_t> MasterOf(const std::optional<SessionSecrets>& secrets) {
  if (!secrets) return {};
  return {secrets->master.bytes().begin(), secrets->master.bytes().end()};
}

bool HandshakePair::BothAgreed() const {
  const auto& [a, b] = sides_;
  return a.secrets && b.secrets && MasterOf(a.secrets) == MasterOf(b.secrets) &&
         a.secrets->role == Opposite(b.secrets->role);
}

}  // namespace millrace::testing
