#include "kubernetes/images.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

namespace linnet::kubernetes {
namespace {

constexpr std::string_view placeholder = "{{version}}";

std::string_view without(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start ? text.substr(start.size()) : text;
}

// The name that users write for an image of Docker Hub.
std::string_view short_name(std::string_view image) {
  for (std::string_view hub : {"docker.io/library/", "index.docker.io/library/", "docker.io/",
                               "index.docker.io/", "registry-1.docker.io/"})
    if (image.substr(0, hub.size()) == hub) return image.substr(hub.size());
  return image;
}

bool is_host(std::string_view component) {
  return component == "localhost" || component.find_first_of(".:") != std::string_view::npos;
}

// The image as it is, then with less and less in front of it, when a mirror's host stands there.
std::vector<std::string_view> readings(std::string_view image) {
  std::vector<std::string_view> all{short_name(image)};
  std::size_t slash = image.find('/');
  if (slash == std::string_view::npos || !is_host(image.substr(0, slash))) return all;
  while (slash != std::string_view::npos) {
    image = image.substr(slash + 1);
    all.push_back(image);
    all.push_back(without(short_name(image), "library/"));
    slash = image.find('/');
  }
  return all;
}

// What stands at each {{version}}: its length follows from the image's.
std::optional<std::string> version_in(const std::string& image_template, std::string_view image) {
  std::size_t fixed = image_template.size();
  std::size_t places = 0;
  for (std::size_t at = image_template.find(placeholder); at != std::string::npos;
       at = image_template.find(placeholder, at + placeholder.size())) {
    fixed -= placeholder.size();
    ++places;
  }
  if (places == 0 || image.size() <= fixed) return std::nullopt;
  const std::size_t length = (image.size() - fixed) / places;
  const std::string found(
      image.substr(std::min(image_template.find(placeholder), image.size()), length));
  if (found.empty() || found.find_first_of("/:@") != std::string::npos) return std::nullopt;
  if (image_of(image_template, found) != image) return std::nullopt;
  return found;
}

}  // namespace

std::string image_of(const std::string& image_template, const std::string& version) {
  std::string image = image_template;
  std::size_t at = 0;
  while ((at = image.find(placeholder, at)) != std::string::npos) {
    image.replace(at, placeholder.size(), version);
    at += version.size();
  }
  return image;
}

std::string version_of(const std::string& image_template, const std::string& image) {
  const std::string wanted(short_name(image_template));
  std::string_view bare = image;
  std::string_view digest;
  if (const std::size_t at = bare.find('@');
      at != std::string_view::npos && wanted.find('@') == std::string::npos) {
    digest = bare.substr(at + 1);
    bare = bare.substr(0, at);
  }
  constexpr std::string_view tag = ":{{version}}";
  for (const std::string_view reading : readings(bare)) {
    if (auto version = version_in(wanted, reading)) return *version;
    if (wanted == std::string(reading) + std::string(tag))
      return digest.empty() ? "latest" : std::string(digest);
  }
  return image;
}

}  // namespace linnet::kubernetes
