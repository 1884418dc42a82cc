#include "base/page_pool.h"

#include <algorithm>

namespace millrace {
namespace {

size_t PagesFor(size_t length) {
  return (length + PagePool::kPageBytes - 1) / PagePool::kPageBytes;
}

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
    : memory_(capacity_bytes / kPageBytes * kPageBytes), used_(capacity_bytes / kPageBytes) {}

size_t PagePool::FindRun(size_t pages) const {
  size_t run = 0;
  for (size_t i = first_free_; i < used_.size(); ++i) {
    run = used_[i] != 0 ? 0 : run + 1;
    if (run == pages) return i + 1 - pages;
  }
  return used_.size();
}

std::optional<PoolBuffer> PagePool::Allocate(size_t length) {
  const size_t pages = std::max<size_t>(1, PagesFor(length));
  if (pages > used_.size() - used_pages_) return std::nullopt;
  const size_t start = FindRun(pages);
  if (start == used_.size()) return std::nullopt;
  std::fill_n(used_.begin() + static_cast<std::ptrdiff_t>(start), pages, uint8_t{1});
  used_pages_ += pages;
  if (start == first_free_) first_free_ += pages;
  return PoolBuffer(this, MutableByteView(memory_.data() + start * kPageBytes, length));
}

void PagePool::Free(MutableByteView bytes) {
  const size_t start = static_cast<size_t>(bytes.data() - memory_.data()) / kPageBytes;
  const size_t pages = std::max<size_t>(1, PagesFor(bytes.size()));
  std::fill_n(used_.begin() + static_cast<std::ptrdiff_t>(start), pages, uint8_t{0});
  used_pages_ -= pages;
  first_free_ = std::min(first_free_, start);
}

}  // namespace millrace
