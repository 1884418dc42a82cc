// Any bytes as a record's plaintext: decoding never reads outside, and what decodes encodes to what
// decodes to the same.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "wire/frames.h"

namespace millrace {
namespace {

std::vector<uint8_t> Encoded(const Frame& frame) {
  // Taken once: zeroing half a megabyte for each frame costs more than all the rest.
  static std::vector<uint8_t> scratch(2 * kMaxMessageBytes);
  ByteWriter writer(scratch);
  EncodeFrame(frame, writer);
  if (!writer.ok()) std::abort();
  const ByteView written = writer.written();
  return {written.begin(), written.end()};
}

void CheckEntries(const ManifestFrame& manifest) {
  ByteReader entries(manifest.entries);
  for (uint32_t i = 0; i < manifest.count && !entries.AtEnd(); ++i) {
    const Result<FileEntry> entry = DecodeFileEntry(entries);
    if (!entry.ok()) return;
    if (entry.value().size.value_or(0) > kMaxFileBytes ||
        entry.value().path.size() > kMaxPathBytes) {
      std::abort();
    }
  }
}

void Check(ByteView plaintext) {
  ByteReader reader(plaintext);
  while (!reader.AtEnd()) {
    const Result<Frame> frame = DecodeFrame(reader);
    if (!frame.ok()) return;
    const std::vector<uint8_t> once = Encoded(frame.value());
    ByteReader again(once);
    const Result<Frame> second = DecodeFrame(again);
    if (!second.ok() || !again.AtEnd() || Encoded(second.value()) != once) std::abort();
    if (const auto* manifest = std::get_if<ManifestFrame>(&frame.value())) CheckEntries(*manifest);
  }
}

}  // namespace
}  // namespace millrace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size <= millrace::kMaxMessageBytes) millrace::Check(millrace::ByteView(data, size));
  return 0;
}
