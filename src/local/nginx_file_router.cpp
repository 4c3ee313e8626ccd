#include "local/nginx_file_router.h"

namespace linnet::local {

Task<Result<core::TrafficSeen>> NginxFileRouter::read(Deadline) {
  auto seen = switch_.read();
  if (!seen) co_return fail(std::move(seen).error());
  co_return core::TrafficSeen{seen->weight, seen->taken_back, seen->by};
}

Task<Result<void>> NginxFileRouter::set(core::SetWeight level, Deadline) {
  co_return switch_.set(level.weight, level.taken_back);
}

}  // namespace linnet::local
