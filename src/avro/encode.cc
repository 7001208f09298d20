#include <bit>
#include <limits>

#include "avro/binary.h"

namespace octolake::avro {
namespace {

void AppendLittleEndian(uint64_t bits, int bytes, std::string& out) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(bits >> (8 * i)));
}

void AppendBytes(const std::string& bytes, std::string& out) {
  AppendLong(static_cast<int64_t>(bytes.size()), out);
  out.append(bytes);
}

// Writes one datum. The member functions return whether the value fits; the first that does not
// says why in `why_`, and the path is put together on the way back.
class Encoder {
 public:
  explicit Encoder(std::string& out) : out_(out) {}

  Status Run(const Schema& schema, const Value& value) {
    if (Put(schema, value)) return {};
    return MakeError(ErrorKind::kInvalidArgument,
                     "cannot write Avro" + (path_.empty() ? "" : " field " + path_) + ": " + why_);
  }

 private:
  bool Refuse(std::string why) {
    why_ = std::move(why);
    return false;
  }
  bool Mismatch(const Schema& schema, const Value& value) {
    return Refuse("expected a value of type " + std::string(TypeName(schema.type)) + ", found " +
                  std::string(TypeName(value.type())));
  }
  bool At(const std::string& step, bool fits) {
    if (!fits) path_ = step + (path_.empty() || path_[0] == '[' ? "" : ".") + path_;
    return fits;
  }

  bool Put(const Schema& schema, const Value& value) {
    switch (schema.type) {
      case Type::kNull:
        return value.IsNull() || Mismatch(schema, value);
      case Type::kBoolean: {
        const auto flag = value.IfBoolean();
        if (!flag) return Mismatch(schema, value);
        out_.push_back(*flag ? '\1' : '\0');
        return true;
      }
      case Type::kInt:
      case Type::kLong:
        return PutInteger(schema, value);
      case Type::kFloat:
      case Type::kDouble:
        return PutReal(schema, value);
      case Type::kBytes:
      case Type::kString:
      case Type::kFixed:
        return PutText(schema, value);
      case Type::kEnum: {
        const auto index = value.IfEnum();
        if (!index) return Mismatch(schema, value);
        if (*index < 0 || static_cast<size_t>(*index) >= schema.symbols.size()) {
          return Refuse("no symbol with index " + std::to_string(*index));
        }
        AppendLong(*index, out_);
        return true;
      }
      case Type::kRecord:
        return PutRecord(schema, value);
      case Type::kArray:
        return PutArray(schema, value);
      case Type::kMap:
        return PutMap(schema, value);
      case Type::kUnion:
        return PutUnion(schema, value);
      case Type::kNamed: {
        const SchemaPtr named = schema.named.lock();
        return named ? Put(*named, value) : Refuse("the definition of " + schema.name + " is gone");
      }
    }
    return Refuse("unknown type");
  }

  bool PutInteger(const Schema& schema, const Value& value) {
    const auto number = value.IfInteger();
    if (!number || (schema.type == Type::kInt && value.type() == Type::kLong)) {
      return Mismatch(schema, value);
    }
    AppendLong(*number, out_);
    return true;
  }

  bool PutReal(const Schema& schema, const Value& value) {
    const auto number = value.IfReal();
    if (!number || value.type() != schema.type) return Mismatch(schema, value);
    if (schema.type == Type::kFloat) {
      AppendLittleEndian(std::bit_cast<uint32_t>(static_cast<float>(*number)), 4, out_);
    } else {
      AppendLittleEndian(std::bit_cast<uint64_t>(*number), 8, out_);
    }
    return true;
  }

  bool PutText(const Schema& schema, const Value& value) {
    if (value.type() != schema.type) return Mismatch(schema, value);
    const std::string& text = schema.type == Type::kString ? *value.IfString() : *value.IfBytes();
    if (schema.type == Type::kFixed) {
      if (static_cast<int64_t>(text.size()) != schema.size) {
        return Refuse("fixed of " + std::to_string(schema.size) + " bytes given " +
                      std::to_string(text.size()));
      }
      out_.append(text);
    } else {
      AppendBytes(text, out_);
    }
    return true;
  }

  bool PutRecord(const Schema& schema, const Value& value) {
    const auto* fields = value.IfRecord();
    if (fields == nullptr) return Mismatch(schema, value);
    if (fields->size() != schema.fields.size()) {
      return Refuse("record " + schema.name + " of " + std::to_string(schema.fields.size()) +
                    " fields given " + std::to_string(fields->size()));
    }
    for (size_t i = 0; i < fields->size(); ++i) {
      if (!Put(*schema.fields[i].schema, (*fields)[i])) return At(schema.fields[i].name, false);
    }
    return true;
  }

  bool PutArray(const Schema& schema, const Value& value) {
    const auto* items = value.IfArray();
    if (items == nullptr) return Mismatch(schema, value);
    if (!items->empty()) AppendLong(static_cast<int64_t>(items->size()), out_);
    for (size_t i = 0; i < items->size(); ++i) {
      if (!Put(*schema.items, (*items)[i])) return At("[" + std::to_string(i) + "]", false);
    }
    AppendLong(0, out_);
    return true;
  }

  bool PutMap(const Schema& schema, const Value& value) {
    const auto* entries = value.IfMap();
    if (entries == nullptr) return Mismatch(schema, value);
    if (!entries->empty()) AppendLong(static_cast<int64_t>(entries->size()), out_);
    for (const MapEntry& entry : *entries) {
      AppendBytes(entry.key, out_);
      if (!Put(*schema.items, entry.value)) return At("['" + entry.key + "']", false);
    }
    AppendLong(0, out_);
    return true;
  }

  bool PutUnion(const Schema& schema, const Value& value) {
    const int32_t branch = value.branch() >= 0 ? value.branch() : BranchFor(schema, value.type());
    if (branch < 0) return Mismatch(schema, value);
    if (static_cast<size_t>(branch) >= schema.branches.size()) {
      return Refuse("a union of " + std::to_string(schema.branches.size()) +
                    " branches given branch " + std::to_string(branch));
    }
    AppendLong(branch, out_);
    return Put(*schema.branches[static_cast<size_t>(branch)], value);
  }

  static int32_t BranchFor(const Schema& schema, Type type) {
    int32_t promoted = -1;
    for (size_t i = 0; i < schema.branches.size(); ++i) {
      const Schema& branch = *schema.branches[i];
      const SchemaPtr named = branch.named.lock();
      const Type branch_type = named ? named->type : branch.type;
      if (branch_type == type) return static_cast<int32_t>(i);
      if (type == Type::kInt && branch_type == Type::kLong) promoted = static_cast<int32_t>(i);
    }
    return promoted;
  }

  std::string& out_;
  std::string path_;
  std::string why_;
};

}  // namespace

void AppendLong(int64_t value, std::string& out) {
  uint64_t bits = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  while (bits >= 0x80) {
    out.push_back(static_cast<char>(bits | 0x80));
    bits >>= 7;
  }
  out.push_back(static_cast<char>(bits));
}

Status Encode(const Schema& schema, const Value& value, std::string& out) {
  return Encoder(out).Run(schema, value);
}

}  // namespace octolake::avro
