#include "base/page_pool.h"

#include <algorithm>
#include <bit>

namespace millrace {
namespace {

constexpr size_t kWordBits = 64;

}  // namespace

PoolBuffer& PoolBuffer::operator=(PoolBuffer&& other) noexcept {
  if (this == &other) return *this;
  Release();
  pool_ = std::exchange(other.pool_, nullptr);
  bytes_ = std::exchange(other.bytes_, {});
  return *this;
}

void PoolBuffer::Release() {
  if (pool_ == nullptr) return;
  pool_->Free(bytes_);
  pool_ = nullptr;
  bytes_ = {};
}

PagePool::PagePool(size_t capacity_bytes)
    : memory_(new uint8_t[capacity_bytes / kPageBytes * kPageBytes]),
      pages_(capacity_bytes / kPageBytes),
      used_((pages_ + kWordBits - 1) / kWordBits) {}

size_t PagePool::FirstPage(bool used, size_t from, size_t to) const {
  const uint64_t flip = used ? 0 : ~uint64_t{0};
  while (from < to) {
    const uint64_t word = (used_[from / kWordBits] ^ flip) >> (from % kWordBits);
    if (word != 0) return std::min(to, from + static_cast<size_t>(std::countr_zero(word)));
    from = (from / kWordBits + 1) * kWordBits;
  }
  return to;
}

void PagePool::SetUsed(bool used, size_t from, size_t to) {
  for (; from < to; ++from) {
    const uint64_t bit = uint64_t{1} << (from % kWordBits);
    uint64_t& word = used_[from / kWordBits];
    word = used ? word | bit : word & ~bit;
  }
}

size_t PagePool::FindRun(size_t pages) const {
  size_t start = FirstPage(false, first_free_, pages_);
  while (start + pages <= pages_) {
    const size_t end = FirstPage(true, start, start + pages);
    if (end == start + pages) return start;
    start = FirstPage(false, end, pages_);
  }
  return pages_;
}

std::optional<PoolBuffer> PagePool::Allocate(size_t length) {
  const size_t pages = PagesFor(length);
  if (pages > pages_ - used_pages_) return std::nullopt;
  const size_t start = FindRun(pages);
  if (start == pages_) return std::nullopt;
  SetUsed(true, start, start + pages);
  used_pages_ += pages;
  if (start == first_free_) first_free_ += pages;
  return PoolBuffer(this, MutableByteView(memory_.get() + start * kPageBytes, length));
}

void PagePool::Free(MutableByteView bytes) {
  const size_t start = static_cast<size_t>(bytes.data() - memory_.get()) / kPageBytes;
  const size_t pages = PagesFor(bytes.size());
  SetUsed(false, start, start + pages);
  used_pages_ -= pages;
  first_free_ = std::min(first_free_, start);
}

}  // namespace millrace
