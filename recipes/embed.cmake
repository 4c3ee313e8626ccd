# Writes OUT, a .cpp with the text of every FOLDER/NAME.yaml by its name: built_in_WHAT().
file(GLOB FILES ${FOLDER}/*.yaml)
list(SORT FILES)
set(ROWS "")
foreach(FILE ${FILES})
  get_filename_component(NAME ${FILE} NAME_WE)
  file(READ ${FILE} TEXT)
  string(APPEND ROWS "      {\"${NAME}\", R\"LINNET(${TEXT})LINNET\"},\n")
endforeach()
file(WRITE ${OUT} "// Made from ${WHAT} of recipes/ by recipes/embed.cmake.
#include <map>
#include <string>

namespace linnet::recipes {

const std::map<std::string, std::string>& built_in_${WHAT}();
const std::map<std::string, std::string>& built_in_${WHAT}() {
  static const std::map<std::string, std::string> files{
${ROWS}  };
  return files;
}

}  // namespace linnet::recipes
")
