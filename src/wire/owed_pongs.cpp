#include "wire/owed_pongs.h"

#include <algorithm>

namespace millrace {

void OwedPongs::Add(const PingFrame& ping, Timestamp now) {
  if (count_ == kMost) {
    std::move(pongs_.begin() + 1, pongs_.end(), pongs_.begin());
    --count_;
  }
  pongs_[count_++] = PongFrame{ping.token, now};
}

void OwedPongs::Pack(ByteWriter& writer) {
  for (size_t i = 0; i < count_; ++i) EncodeFrame(pongs_[i], writer);
  count_ = 0;
}

}  // namespace millrace
