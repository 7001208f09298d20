// Figures of this process under the names that Prometheus' clients use.
#pragma once

#include <string>

namespace octolake::gateway {

void AppendProcessFigures(std::string& out);

}  // namespace octolake::gateway
