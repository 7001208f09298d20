// Files that were altered after they were written: every byte, every cut, the wrong file.
#include "iceberg/seal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "iceberg/manifest_io.h"
#include "iceberg/metadata_file.h"
#include "iceberg/table_for_test.h"

namespace octolake::iceberg {
namespace {

using ::testing::HasSubstr;

class SealTest : public ::testing::Test, protected TestTable {
 protected:
  void SetUp() override {
    MustCommit(AppendFiles({File("a", 1), File("b", 2)}, {}));
    snapshot_ = *Metadata()->CurrentSnapshot();
    manifest_ = ReadManifestList(fs, snapshot_).value().front();
  }
  std::string Bytes(const std::string& location) {
    return io::ReadAll(fs, location, int64_t{1} << 20).value();
  }
  void Replace(const std::string& location, const std::string& bytes) {
    ASSERT_TRUE(fs.Remove(location));
    ASSERT_TRUE(io::WriteAll(fs, location, bytes));
  }
  // Every single flipped bit and every cut is an error of the file, unless it hits what no reader
  // looks at: then what is read is the same.
  template <typename Read>
  void ExpectDamageIsFound(const std::string& location, Read read) {
    const std::string good = Bytes(location);
    const auto expected = read();
    ASSERT_TRUE(expected) << expected.error().message;
    size_t unnoticed = 0;
    for (size_t at = 0; at < good.size(); ++at) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
      Replace(location, bad);
      const auto found = read();
      if (found) {
        ++unnoticed;
        EXPECT_EQ(*found, *expected) << "flip at byte " << at << " of " << location;
        continue;
      }
      EXPECT_THAT(found.error().message, HasSubstr(location)) << at;
    }
    // The seal's own key, with which the seal goes.
    EXPECT_LE(unnoticed, kAvroSealKey.size() + 1) << location;
    for (size_t length = 0; length < good.size(); ++length) {
      Replace(location, good.substr(0, length));
      const auto found = read();
      ASSERT_FALSE(found) << "cut to " << length << " bytes of " << location;
      EXPECT_EQ(found.error().kind, ErrorKind::kCorruption) << found.error().message;
      EXPECT_THAT(found.error().message, HasSubstr(location)) << length;
    }
    Replace(location, good);
    EXPECT_TRUE(read());
  }

  Snapshot snapshot_;
  ManifestFile manifest_;
};

TEST_F(SealTest, DamageToAManifestListIsFound) {
  ExpectDamageIsFound(snapshot_.manifest_list, [&]() -> Result<std::string> {
    OCTO_ASSIGN(const auto manifests, ReadManifestList(fs, snapshot_));
    std::string text;
    for (const ManifestFile& one : manifests) {
      text += one.manifest_path + " " + std::to_string(one.added_rows_count) + "\n";
    }
    return text;
  });
}

TEST_F(SealTest, DamageToAManifestIsFound) {
  ExpectDamageIsFound(manifest_.manifest_path, [&]() -> Result<std::string> {
    OCTO_ASSIGN(const auto entries, ReadManifest(fs, manifest_, *Metadata()));
    std::string text;
    for (const ManifestEntry& one : entries) {
      text += one.data_file.file_path + " " + std::to_string(one.data_file.record_count) + "\n";
    }
    return text;
  });
}

TEST_F(SealTest, DamageToTableMetadataIsFound) {
  const std::string location = "/warehouse/bronze/events/metadata/00001-x.metadata.json";
  ASSERT_TRUE(WriteMetadataFile(fs, location, *Metadata()));
  ExpectDamageIsFound(location, [&]() -> Result<std::string> {
    OCTO_ASSIGN(const TableMetadata metadata, ReadMetadataFile(fs, location));
    return TableMetadataToJson(metadata);
  });
}

TEST_F(SealTest, AnErrorSaysWhatWasFound) {
  const std::string location = snapshot_.manifest_list;
  std::string bad = Bytes(location);
  const size_t size = bad.size();
  bad[size - 20] = static_cast<char>(bad[size - 20] ^ 4);
  Replace(location, bad);
  const auto found = ReadManifestList(fs, snapshot_);
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message,
              HasSubstr("manifest list: " + location + " is damaged: its " + std::to_string(size)));
}

TEST_F(SealTest, AManifestHasTheLengthThatItsListSays) {
  const std::string good = Bytes(manifest_.manifest_path);
  Replace(manifest_.manifest_path, good + "x");
  const auto found = ReadManifest(fs, manifest_, *Metadata());
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message,
              HasSubstr("has " + std::to_string(good.size() + 1) + " bytes"));
  EXPECT_THAT(found.error().message, HasSubstr("says " + std::to_string(good.size())));
}

TEST_F(SealTest, AnotherFileInTheSamePlaceIsNotTaken) {
  const std::string older = Bytes(snapshot_.manifest_list);
  MustCommit(AppendFiles({File("c", 3)}, {}));
  const Snapshot newer = *Metadata()->CurrentSnapshot();
  Replace(newer.manifest_list, older);
  const auto found = ReadManifestList(fs, newer);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(found.error().message, HasSubstr("another file was put in its place"));
}

TEST_F(SealTest, AListWithoutASealIsKnownByItsSnapshot) {
  Snapshot other = snapshot_;
  other.snapshot_id = 77;
  const auto found = ReadManifestList(fs, other);
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message,
              HasSubstr("is that of snapshot " + std::to_string(snapshot_.snapshot_id) +
                        ", expected that of snapshot 77"));
}

TEST_F(SealTest, AFileMayBeMovedUnderItsName) {
  const std::string moved =
      "/elsewhere/" + snapshot_.manifest_list.substr(snapshot_.manifest_list.rfind('/') + 1);
  ASSERT_TRUE(io::WriteAll(fs, moved, Bytes(snapshot_.manifest_list)));
  EXPECT_TRUE(ReadManifestList(fs, moved));
}

TEST_F(SealTest, MetadataWithoutASealIsTakenAsItIs) {
  const std::string location = "/x/00000-theirs.metadata.json";
  ASSERT_TRUE(io::WriteAll(fs, location, TableMetadataToJson(*Metadata())));
  EXPECT_TRUE(ReadMetadataFile(fs, location));
}

}  // namespace
}  // namespace octolake::iceberg
