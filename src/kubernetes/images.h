// From a version to the image of a container and back, by the release's template
// "repository:{{version}}".
#pragma once

#include <string>

namespace linnet::kubernetes {

std::string image_of(const std::string& image_template, const std::string& version);

/// The version that `image` is of. A digest behind a tag is left out; Docker Hub's long names and
/// a mirror's host in front are seen through, as admission hooks put them there. Without a tag:
/// "latest", or the digest ("sha256:..."). Of another repository: the image as it is.
std::string version_of(const std::string& image_template, const std::string& image);

}  // namespace linnet::kubernetes
