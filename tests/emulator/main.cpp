// The link emulator as a program: commands on stdin, answers on stdout, one line each. Ends with
// its stdin, so that it cannot outlive who started it.
//
//   millrace_link_emulator [SEED]
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "emulator/control.h"
#include "emulator/emulator.h"

namespace millrace::emulator {
namespace {

constexpr uint64_t kDefaultSeed = 1;
// Turns are at least this far apart, so that the packets of a turn share the price of a wake-up:
// at 300 Mbit/s in full packets three of them. Arrivals are timed by the system, so only
// what is delivered is late, by this much at most.
constexpr Nanoseconds kTurn = std::chrono::microseconds(100);
constexpr size_t kMaxLineBytes = 4096;
// What epoll reports for stdin, beside the numbers of the relays.
constexpr uint64_t kStdin = UINT64_MAX;

class Loop {
 public:
  explicit Loop(uint64_t seed) : emulator_(seed), epoll_fd_(epoll_create1(EPOLL_CLOEXEC)) {}
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() { close(epoll_fd_); }

  // Gives the exit code.
  int Run() {
    // Wake-ups on time: the default is to be late by 50 µs.
    prctl(PR_SET_TIMERSLACK, 1UL);
    // A link does not wait for a processor. Only root may say so; without, it may come later.
    setpriority(PRIO_PROCESS, 0, -20);
    if (!Watch(STDIN_FILENO, kStdin)) return EXIT_FAILURE;
    while (!ended_) {
      if (!WatchNewRelays()) return EXIT_FAILURE;
      std::array<epoll_event, 64> events;
      const int count = Wait(events.data(), static_cast<int>(events.size()));
      const Time now = Clock::now();
      for (size_t i = 0; static_cast<int>(i) < count; ++i) {
        if (events[i].data.u64 == kStdin) {
          ReadCommands();
        } else {
          emulator_.Receive(static_cast<EndpointId>(events[i].data.u64));
        }
      }
      emulator_.Forward(now);
      std::this_thread::sleep_until(now + kTurn);
    }
    return failed_ ? EXIT_FAILURE : EXIT_SUCCESS;
  }

 private:
  bool Watch(int fd, uint64_t key) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = key;
    return epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0;
  }

  bool WatchNewRelays() {
    const auto& endpoints = emulator_.relays().all();
    for (; watched_ < endpoints.size(); ++watched_) {
      if (!Watch(endpoints[watched_].relay_fd, watched_)) return false;
    }
    return true;
  }

  int Wait(epoll_event* events, int max_events) {
    const Time next = emulator_.NextEvent();
    if (next == Time::max()) return epoll_wait(epoll_fd_, events, max_events, -1);
    const Nanoseconds left = std::max(Nanoseconds(0), Nanoseconds(next - Clock::now()));
    const timespec timeout{left.count() / 1'000'000'000, left.count() % 1'000'000'000};
    return epoll_pwait2(epoll_fd_, events, max_events, &timeout, nullptr);
  }

  void ReadCommands() {
    std::array<char, kMaxLineBytes> bytes;
    const ssize_t count = read(STDIN_FILENO, bytes.data(), bytes.size());
    if (count <= 0) {
      ended_ = true;
      return;
    }
    input_.append(bytes.data(), static_cast<size_t>(count));
    for (size_t end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
      const std::string answer = Execute(std::string_view(input_).substr(0, end), emulator_);
      std::puts(answer.c_str());
      input_.erase(0, end + 1);
    }
    std::fflush(stdout);
    if (input_.size() > kMaxLineBytes) {
      std::fputs("link emulator: a command is too long\n", stderr);
      ended_ = failed_ = true;
    }
  }

  Emulator emulator_;
  int epoll_fd_;
  size_t watched_ = 0;
  std::string input_;
  bool ended_ = false;
  bool failed_ = false;
};

}  // namespace
}  // namespace millrace::emulator

int main(int count, char** arguments) {
  const uint64_t seed =
      count > 1 ? std::strtoull(arguments[1], nullptr, 10) : millrace::emulator::kDefaultSeed;
  // On the heap: it is larger than a stack may be.
  return std::make_unique<millrace::emulator::Loop>(seed)->Run();
}
