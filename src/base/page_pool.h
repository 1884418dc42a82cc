// A fixed piece of memory, handed out in runs of pages: every payload byte that the engine holds
// lies in one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace millrace {

class PagePool;

// A run of pages of a pool, given back when it goes. The pool must outlive it.
class PoolBuffer {
 public:
  PoolBuffer() = default;
  PoolBuffer(PoolBuffer&& other) noexcept { *this = std::move(other); }
  PoolBuffer& operator=(PoolBuffer&& other) noexcept;
  ~PoolBuffer() { Release(); }

  explicit operator bool() const { return pool_ != nullptr; }
  // The bytes asked for; the rest of the last page is nobody's.
  MutableByteView bytes() const { return bytes_; }
  void Release();

 private:
  friend class PagePool;
  PoolBuffer(PagePool* pool, MutableByteView bytes) : pool_(pool), bytes_(bytes) {}

  PagePool* pool_ = nullptr;
  MutableByteView bytes_;
};

class PagePool {
 public:
  // A record of one leaf (16 KiB) with its headers takes 17 pages, a sixteenth more than its
  // payload; one of a tiny file takes a single page.
  static constexpr size_t kPageBytes = 1024;
  // Pages that `length` bytes take, at least one.
  static constexpr size_t PagesFor(size_t length) {
    return length == 0 ? 1 : (length + kPageBytes - 1) / kPageBytes;
  }

  // Takes its whole memory here, uninitialised, and no more later. `capacity_bytes` is rounded down
  // to pages.
  explicit PagePool(size_t capacity_bytes);
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;

  // `length` ≥ 1 contiguous bytes, uninitialised; nothing where no free run is long enough.
  // Cost: first fit, a step for each run of pages and for each 64 pages from the first free one on.
  // The lowest pages are used over and over, so that they stay in the processor's cache.
  std::optional<PoolBuffer> Allocate(size_t length);

  // The number of the buffer's first page, from 0. The buffer is this pool's.
  size_t PageOf(const PoolBuffer& buffer) const {
    return static_cast<size_t>(buffer.bytes().data() - memory_.get()) / kPageBytes;
  }
  size_t capacity_bytes() const { return pages_ * kPageBytes; }
  // Pages handed out, in bytes.
  size_t used_bytes() const { return used_pages_ * kPageBytes; }

 private:
  friend class PoolBuffer;
  void Free(MutableByteView bytes);
  // The start of the first free run of `pages`; the number of all pages where there is none.
  size_t FindRun(size_t pages) const;
  // The first page of [from, to) that is used, or free; `to` where there is none.
  size_t FirstPage(bool used, size_t from, size_t to) const;
  void SetUsed(bool used, size_t from, size_t to);

  std::unique_ptr<uint8_t[]> memory_;
  size_t pages_;
  std::vector<uint64_t> used_;  // One bit a page, the lowest first.
  size_t used_pages_ = 0;
  size_t first_free_ = 0;  // No page before it is free.
};

}  // namespace millrace
