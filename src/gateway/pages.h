// Pages and descriptions that are the same for everybody. Nothing in them is loaded from elsewhere.
#pragma once

#include <string_view>

namespace octolake::gateway {

std::string_view OpenApiJson();
std::string_view DocsPageHtml();
// Shows what /api/v1/status says.
std::string_view StatusPageHtml();

}  // namespace octolake::gateway
