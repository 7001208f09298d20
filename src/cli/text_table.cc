#include "cli/text_table.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/json_text.h"
#include "base/string_util.h"
#include "cli/command.h"

namespace octolake::cli {
namespace {

std::string Shown(const TextColumn& column, const std::string& text) {
  const auto number = column.number ? ParseNumber<int64_t>(text) : std::nullopt;
  return number ? Grouped(*number) : text;
}

}  // namespace

std::string TextTable::ToText() const {
  std::vector<size_t> widths;
  for (const TextColumn& column : columns_) widths.push_back(column.name.size());
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], Shown(columns_[i], row[i]).size());
    }
  }
  std::string out;
  auto add_line = [&](auto cell_of) {
    std::string line;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const std::string cell = cell_of(i);
      const std::string padding(widths[i] - cell.size(), ' ');
      line += (i == 0 ? "" : "  ") + (columns_[i].number ? padding + cell : cell + padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  add_line([&](size_t i) { return columns_[i].name; });
  add_line([&](size_t i) { return std::string(widths[i], '-'); });
  for (const auto& row : rows_) add_line([&](size_t i) { return Shown(columns_[i], row[i]); });
  return out;
}

std::string TextTable::ToJson() const {
  auto json = nlohmann::ordered_json::array();
  for (const auto& row : rows_) {
    nlohmann::ordered_json object;
    for (size_t i = 0; i < row.size(); ++i) {
      const auto number = columns_[i].number ? ParseNumber<int64_t>(row[i]) : std::nullopt;
      if (row[i].empty()) {
        object[columns_[i].name] = nullptr;
      } else if (number) {
        object[columns_[i].name] = *number;
      } else {
        object[columns_[i].name] = row[i];
      }
    }
    json.push_back(std::move(object));
  }
  return JsonText(json, 2) + "\n";
}

}  // namespace octolake::cli
