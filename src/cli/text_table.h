// A small table of texts for people (aligned columns) or scripts (a JSON array of objects).
#pragma once

#include <string>
#include <vector>

namespace octolake::cli {

struct TextColumn {
  std::string name;
  bool number = false;  // right-aligned, with thousands grouped; a number in JSON
};

class TextTable {
 public:
  explicit TextTable(std::vector<TextColumn> columns) : columns_(std::move(columns)) {}
  // One text a column; empty for unknown (null in JSON).
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string ToText() const;
  std::string ToJson() const;

 private:
  std::vector<TextColumn> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace octolake::cli
