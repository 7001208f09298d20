#include "datafile/idle_memory.h"

#include <arrow/memory_pool.h>
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace octolake::datafile {
namespace {

constexpr int kTrimBytes = 1 << 20;
// Larger ones come from the system and go back to it one by one. Fixed, for by itself it would grow
// to 32 MiB, and the free memory that each thread may keep to twice that.
constexpr int kSeparateBytes = 4 << 20;
constexpr int kArenas = 2;

// Segments that nothing can have changed: of a writable one, also of one that the dynamic linker
// has written to before it was protected, the private copies would be lost.
bool IsUnchanged(const ElfW(Phdr) & segment) {
  return segment.p_type == PT_LOAD && (segment.p_flags & PF_W) == 0;
}

// Code that the dynamic linker has changed, as it does in libraries that are not built to be
// shared.
bool HasTextRelocations(const dl_phdr_info& object) {
  for (int i = 0; i < object.dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = object.dlpi_phdr[i];
    if (segment.p_type != PT_DYNAMIC) continue;
    const auto* entry = reinterpret_cast<const ElfW(Dyn)*>(object.dlpi_addr + segment.p_vaddr);
    for (; entry->d_tag != DT_NULL; ++entry) {
      if (entry->d_tag == DT_TEXTREL) return true;
      if (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL) != 0) return true;
    }
  }
  return false;
}

int ReleaseCodeOf(dl_phdr_info* object, size_t /*size*/, void* page_bytes) {
  if (HasTextRelocations(*object)) return 0;
  const auto page = *static_cast<const uintptr_t*>(page_bytes);
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = object->dlpi_phdr[i];
    if (!IsUnchanged(segment)) continue;
    const uintptr_t begin = (object->dlpi_addr + segment.p_vaddr + page - 1) / page * page;
    const uintptr_t end = (object->dlpi_addr + segment.p_vaddr + segment.p_memsz) / page * page;
    if (begin >= end) continue;
    // Advice: if the system will not take it, the pages stay.
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);  // NOLINT
  }
  return 0;
}

}  // namespace

void LimitIdleMemory() {
  mallopt(M_TRIM_THRESHOLD, kTrimBytes);
  mallopt(M_MMAP_THRESHOLD, kSeparateBytes);
}

void LimitArenas() { mallopt(M_ARENA_MAX, kArenas); }

void TakeMemoryByThePage() {
  // Advice: a system without large pages has nothing to turn off.
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);  // NOLINT
}

void ReleaseFreeMemory() {
  arrow::default_memory_pool()->ReleaseUnused();
  malloc_trim(0);
}

void GiveBackIdleMemory() {
  ReleaseFreeMemory();
  auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  dl_iterate_phdr(ReleaseCodeOf, &page);
}

}  // namespace octolake::datafile
