# Writes a C++ file that holds the file INPUT as model::EmbeddedBundleJson(): as bytes, since string
# literals may be no longer than 64 KiB.
file(READ "${INPUT}" hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(................................................................................)"
  "\\1\n" bytes "${bytes}")
file(WRITE "${OUTPUT}" "#include \"model/bundle.h\"

namespace octolake::model {
namespace {
constexpr unsigned char kBundle[] = {
${bytes}
};
}  // namespace

std::string_view EmbeddedBundleJson() {
  return {reinterpret_cast<const char*>(kBundle), sizeof(kBundle)};
}

}  // namespace octolake::model
")
