#include "event/generator_world.h"

#include <array>

namespace octolake::event {
namespace {

constexpr std::array<std::string_view, 24> kWords = {
    "amber",  "basalt",  "cedar", "delta",  "ember", "fjord",  "garnet", "harbor",
    "iris",   "juniper", "kelp",  "lichen", "maple", "nimbus", "opal",   "pebble",
    "quartz", "reed",    "slate", "tundra", "umber", "vale",   "willow", "zephyr"};

constexpr std::array<std::string_view, 16> kPhrases = {"fix the parser for empty input",
                                                       "add a test that fails",
                                                       "update dependencies",
                                                       "rename the option",
                                                       "make start-up faster",
                                                       "handle a missing file",
                                                       "remove dead code",
                                                       "document the format",
                                                       "crash when the list is empty",
                                                       "support time zones",
                                                       "use less memory",
                                                       "wrong count after a restart",
                                                       "typo",
                                                       "bump version to 2.4.1",
                                                       "merge branch 'main'",
                                                       "revert \"cache headers\""};

constexpr std::array<std::string_view, 8> kScripts = {"исправить ошибку при запуске",
                                                      "修正文档中的错误",
                                                      "ドキュメントを更新",
                                                      "오류 수정",
                                                      "إصلاح الخطأ",
                                                      "διόρθωση σφάλματος",
                                                      "🚀 ship it 🎉",
                                                      "naïve café über Straße"};

std::string_view Word(int64_t number) {
  return kWords[static_cast<size_t>(number) % kWords.size()];
}

std::string Name(int64_t number, std::string_view joint) {
  std::string name(Word(number * 7 + 3));
  name.append(joint).append(Word(number / 5 + 11));
  return name + std::to_string(number);
}

}  // namespace

Account MakeActor(int64_t number) {
  const bool bot = number % 41 == 2;
  return {1000 + number * 37, Name(number, "-") + (bot ? "[bot]" : "")};
}

Repository MakeRepository(int64_t number, int64_t actors) {
  Repository repository;
  repository.id = 20000 + number * 53;
  repository.organization = number % 4 == 1;
  if (repository.organization) {
    repository.owner = {500000 + number % 97, Name(number % 97, "-") + "-labs"};
  } else {
    repository.owner = MakeActor(number * 13 % actors);
    const size_t suffix = repository.owner.login.find("[bot]");
    if (suffix != std::string::npos) repository.owner = MakeActor((number * 13 + 1) % actors);
  }
  repository.name = Name(number, number % 3 == 0 ? "_" : ".");
  return repository;
}

std::string MakeTitle(Dice& dice) {
  std::string title(kPhrases[static_cast<size_t>(dice.Below(kPhrases.size()))]);
  if (dice.PerMille(60)) {
    title += ' ';
    title += kScripts[static_cast<size_t>(dice.Below(kScripts.size()))];
  }
  if (dice.PerMille(5)) title += "\xe2\x80\xa8see below";
  return title;
}

std::string MakeBody(Dice& dice) {
  const int64_t lines = dice.PerMille(2) ? 1000 + dice.Below(800) : 1 + dice.Below(8);
  std::string body;
  for (int64_t i = 0; i < lines; ++i) {
    if (i > 0) body += dice.OneIn(3) ? "\r\n" : "\n";
    if (dice.OneIn(6)) body += "- `" + dice.Hex(7) + "` \"quoted\\path\"\t";
    body += MakeTitle(dice);
  }
  return body;
}

}  // namespace octolake::event
