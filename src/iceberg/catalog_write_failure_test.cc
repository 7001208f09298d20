// The database itself cannot be written; metadata files are smaller, and can.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include "base/random.h"
#include "base/temp_directory_for_test.h"
#include "iceberg/sql_catalog.h"
#include "iceberg/transaction.h"
#include "io/local_file_system.h"

namespace octolake::iceberg {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// More than the small table's metadata file, less than a rollback journal of two pages.
constexpr rlim_t kLimitBytes = 6000;

// No file of this process may grow beyond the limit while this lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limited{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &limited), 0);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

size_t FilesIn(io::FileSystem& file_system, const std::string& directory) {
  return file_system.List(directory).value().size();
}

TEST(CatalogWriteFailureTest, IsNoUnknownOutcome) {
  const auto file_system = io::MakeLocalFileSystem();
  RandomSource& random = SystemRandom();
  const TempDirectory temp;
  const fs::path directory = temp.path();
  SqlCatalogOptions options;
  options.database_path = (directory / "catalog.db").string();
  options.catalog_name = "demo";
  options.warehouse_location = "file://" + directory.string();
  const auto catalog = OpenSqlCatalog(options, *file_system, SystemClock(), random).value();
  NewTable definition;
  definition.schema.fields = {{1, "id", LongType(), false, ""}};
  const UpdateContext context{*file_system, SystemClock(), random};
  const TableIdentifier name{"ns", "t"};
  const Table table = CreateTableIfMissing(*catalog, context, name, definition).value();
  const std::string metadata = catalog->DefaultTableLocation(name) + "/metadata";

  const auto commit = [&] {
    Transaction transaction(*catalog, context);
    transaction.Add(name, SetProperties({{"a", "1"}}));
    return transaction.Commit();
  };
  const auto failed = [&] {
    const FileSizeLimit limit(kLimitBytes);
    return commit();
  }();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kResourceExhausted) << failed.error().message;
  EXPECT_THAT(failed.error().message, HasSubstr(options.database_path));
  EXPECT_THAT(failed.error().message, HasSubstr("ulimit -f"));
  EXPECT_EQ(FilesIn(*file_system, metadata), 1U);
  EXPECT_EQ(catalog->LoadTable(name)->metadata_location, table.metadata_location);

  const auto committed = commit();
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_EQ(catalog->LoadTable(name)->metadata->properties.at("a"), "1");
}

}  // namespace
}  // namespace octolake::iceberg
