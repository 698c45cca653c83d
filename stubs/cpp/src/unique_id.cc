#include "unique_id.h"

#include <cstdio>
#include <random>

namespace nextpoint {

std::string unique_id() {
  std::random_device random;
  std::string id;
  for (int i = 0; i < 4; ++i) {
    char digits[9];
    std::snprintf(digits, sizeof digits, "%08x", random());
    id += digits;
  }
  return id;
}

}  // namespace nextpoint
