#pragma once

#include <string>

namespace nextpoint {

/// Returns 32 random hexadecimal digits.
std::string unique_id();

}  // namespace nextpoint
