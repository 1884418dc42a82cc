#include "support/link_plan.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <sstream>

namespace millrace::testing {
namespace {

constexpr std::array<const char*, 4> kKindNames = {"rate", "delay", "dark", "loss"};

Duration Seconds(double seconds) {
  return Duration::Micros(static_cast<int64_t>(seconds * 1e6 + (seconds < 0 ? -0.5 : 0.5)));
}

std::string FormatDirection(const SharedLinkOptions& link) {
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(), "%.9g:%.9g:%zu:%.9g:%.9g:%.9g:%.9g:%zu",
                link.mbits_per_second, link.delay.millis(), link.queue_bytes, link.loss,
                link.burst_packets, link.jitter.millis(), link.policer_mbits_per_second,
                link.policer_burst_bytes);
  return text.data();
}

std::optional<SharedLinkOptions> ParseDirection(const std::string& text) {
  SharedLinkOptions link;
  double delay_ms = 0;
  double jitter_ms = 0;
  const int fields =
      std::sscanf(text.c_str(), "%lf:%lf:%zu:%lf:%lf:%lf:%lf:%zu", &link.mbits_per_second,
                  &delay_ms, &link.queue_bytes, &link.loss, &link.burst_packets, &jitter_ms,
                  &link.policer_mbits_per_second, &link.policer_burst_bytes);
  if (fields != 8 || link.mbits_per_second <= 0 || link.burst_packets < 1) return std::nullopt;
  link.delay = Seconds(delay_ms / 1e3);
  link.jitter = Seconds(jitter_ms / 1e3);
  return link;
}

std::optional<LinkChange> ParseChange(const std::string& text) {
  double after = 0;
  std::array<char, 8> kind{};
  LinkChange change;
  if (std::sscanf(text.c_str(), "%lf:%7[a-z]:%lf", &after, kind.data(), &change.value) != 3) {
    return std::nullopt;
  }
  const auto named = [&](const char* name) { return std::strcmp(name, kind.data()) == 0; };
  const auto found = std::find_if(kKindNames.begin(), kKindNames.end(), named);
  if (found == kKindNames.end()) return std::nullopt;
  change.after = Seconds(after);
  change.kind = static_cast<LinkChange::Kind>(found - kKindNames.begin());
  return change;
}

}  // namespace

double CapacityMegabits(const LinkPlan& plan, Duration span) {
  const double usual = plan.links[0].usable_mbits_per_second();
  double rate = usual;
  double megabits = 0;
  Duration at;
  Duration dark_until;
  const auto advance = [&](Duration to) {
    const Duration lit_from = std::max(at, dark_until);
    if (to > lit_from) megabits += rate * (to - lit_from).seconds();
    at = std::max(at, to);
  };
  for (const LinkChange& change : plan.changes) {
    if (change.after >= span) break;
    advance(change.after);
    if (change.kind == LinkChange::Kind::kRate) {
      const SharedLinkOptions& link = plan.links[0];
      rate = std::min(link.mbits_per_second * change.value,
                      link.policer_mbits_per_second > 0 ? link.policer_mbits_per_second : 1e9);
    }
    if (change.kind == LinkChange::Kind::kDark) dark_until = at + Seconds(change.value);
  }
  advance(span);
  return megabits;
}

void Apply(const LinkChange& change, const LinkPlan& plan, SctpNetwork& network) {
  for (size_t side = 0; side < 2; ++side) {
    const SharedLinkOptions& first = plan.links[side];
    SharedLink& link = network.link(side);
    switch (change.kind) {
      case LinkChange::Kind::kRate:
        link.SetRate(first.mbits_per_second * change.value, network.now());
        break;
      case LinkChange::Kind::kDelay:
        link.SetDelay(std::max(Duration(), first.delay + Seconds(change.value / 1e3)),
                      network.now());
        break;
      case LinkChange::Kind::kDark:
        link.Blackout(network.now() + Seconds(change.value));
        break;
      case LinkChange::Kind::kLoss:
        link.SetLoss(std::clamp(first.loss + change.value, 0.0, 1.0));
        break;
    }
  }
}

std::string Format(const LinkPlan& plan) {
  std::string text = FormatDirection(plan.links[0]) + ' ' + FormatDirection(plan.links[1]);
  for (const LinkChange& change : plan.changes) {
    std::array<char, 64> word{};
    std::snprintf(word.data(), word.size(), " %.9g:%s:%.9g", change.after.seconds(),
                  kKindNames[static_cast<size_t>(change.kind)], change.value);
    text += word.data();
  }
  return text;
}

std::optional<LinkPlan> ParseLinkPlan(std::string_view text) {
  std::istringstream words{std::string(text)};
  LinkPlan plan;
  std::string word;
  for (SharedLinkOptions& direction : plan.links) {
    if (!(words >> word)) return std::nullopt;
    const std::optional<SharedLinkOptions> parsed = ParseDirection(word);
    if (!parsed) return std::nullopt;
    direction = *parsed;
  }
  while (words >> word) {
    const std::optional<LinkChange> change = ParseChange(word);
    if (!change) return std::nullopt;
    if (!plan.changes.empty() && change->after < plan.changes.back().after) return std::nullopt;
    plan.changes.push_back(*change);
  }
  return plan;
}

}  // namespace millrace::testing
