#include "cli/table_name.h"

namespace octolake::cli {

Result<iceberg::TableIdentifier> ParseTableName(const std::string& text) {
  const size_t dot = text.rfind('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == text.size()) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "'" + text +
                         "' is no table name: expected NAMESPACE.TABLE, for example "
                         "gold.gold_user_activity");
  }
  return iceberg::TableIdentifier{text.substr(0, dot), text.substr(dot + 1)};
}

}  // namespace octolake::cli
