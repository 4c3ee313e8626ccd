// What stands under the canary's names already: may this release take it over, and what does `init`
// change of it then. Pure. linnet stops the canary's pods and writes its image, so that a wrong
// guess here stops somebody's service.
#pragma once

#include <string>

#include "base/units.h"
#include "kubernetes/cluster_doctor.h"

namespace linnet::kubernetes {

/// Bad: what is there is another release's, or no canary of this one's service. A canary that does
/// not exist is in nobody's way.
Finding ownership_finding(const Names& names, const Found& found);

/// Whose the Ingress is that stands under the canary's name, when it is not this release's: by its
/// label, or, without one, by where it sends. Empty: it is, or nothing says whose.
std::string why_not_ours(const Names& names, const boost::json::value& ingress);

struct Adoption {
  std::string text;  // "adopt Deployment web-canary: 2 pods -> 0; weight 30 % -> 0 %"
  bool stops_pods = false;
  bool takes_weight = false;
};

/// What `init` changes of what is there, `weight` being the canary's now; an empty text: nothing.
Adoption adoption_of(const Names& names, const boost::json::value& canary, Percent weight);

/// A canary that linnet did not make and of which `init` changes nothing, for a note; else empty.
std::string adopted_as_it_is(const boost::json::value& canary);

}  // namespace linnet::kubernetes
