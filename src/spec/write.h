// Writes a release as YAML with every default filled in: `linnet spec --defaults`, and the form in
// which a release is stored. read_specs(to_yaml(release)) gives the same release back.
#pragma once

#include <string>

#include "core/release.h"

namespace linnet::spec {

/// One YAML document. Equal releases give equal text. Holds the webhooks' addresses, which are
/// secrets: store it with mode 0600 and do not log it.
std::string to_yaml(const core::Release& release);

}  // namespace linnet::spec
