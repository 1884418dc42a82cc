#include "wire/frame_queue.h"

#include <array>

#include "wire/record.h"

namespace millrace {

void FrameQueue::Push(const Frame& frame) {
  std::array<uint8_t, kMaxControlRecordBytes - kRecordOverheadBytes> scratch;
  ByteWriter writer(scratch);
  EncodeFrame(frame, writer);
  const MutableByteView encoded = writer.written();
  if (writer.ok()) frames_.emplace_back(encoded.begin(), encoded.end());
}

size_t FrameQueue::PackInto(ByteWriter& writer) {
  size_t packed = 0;
  while (!frames_.empty() && frames_.front().size() <= writer.room()) {
    writer.Bytes(frames_.front());
    frames_.pop_front();
    ++packed;
  }
  return packed;
}

}  // namespace millrace
