// Hard cases by hand, in a small vocabulary, on the same simulator as the swarm:
//
//   replicas 2                          drain 2s
//   steps 5%/10s 50%/10s                requests 100
//   promotion automatic                 on_failure hold
//   min_requests 5                      router within 800ms
//   no_data 20s                         until 3m
//   version v2 errors 30% | slow 100% | startup 2s | never_ready | crash_loop
//   at 3s: anna asks deploy v2 --promote
//   in stepping 2 after 1s: kubectl sets 0%
//   in promoting 2 after 1s: lose stable
//   in rolling_back after 0s: engine dies before call 1 of save for 5s
//
// Steps and parts count from 1. Lines that start with # are for the reader.
#pragma once

#include <string_view>

#include "sim/case.h"

namespace linnet::sim {

/// Code::invalid names the line and what was expected.
Result<Case> read_script(std::string_view text);

}  // namespace linnet::sim
