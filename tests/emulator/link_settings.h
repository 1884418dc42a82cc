// What one direction of the emulated link is like.
#pragma once

#include <chrono>
#include <cstdint>

namespace millrace::emulator {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;
using Nanoseconds = std::chrono::nanoseconds;

struct LinkSettings {
  // One way, after the bottleneck.
  Nanoseconds delay{0};
  // Each packet is delayed by 0 … jitter more, evenly distributed; the order is kept.
  Nanoseconds jitter{0};
  // Chance of each packet to be lost after the bottleneck, 0–1, whatever happens to the others.
  double loss = 0;
  // Losses in bursts (Gilbert 1960, Elliott 1963): chance per packet that a burst begins and that
  // it ends, and the chance of each packet in a burst to be lost.
  double burst_enter = 0;
  double burst_leave = 1;
  double burst_loss = 1;
  // Of wire bytes; 0: no limit, hence no queue.
  int64_t rate_bits_per_s = 0;
  // What may wait, the packet in transmission included. An idle link takes any packet.
  int64_t queue_bytes = 1'000'000;
  // An outage: nothing gets in before this time, and packets that are on their way arrive.
  Time blackout_until = Time::min();
};

}  // namespace millrace::emulator
