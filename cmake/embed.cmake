# linnet_embed(OUTPUT HEADER FUNCTION FILE...): writes OUTPUT, a .cpp that defines FUNCTION (declared in
# HEADER) as a map from each file's name without its extension to its text.
function(linnet_embed OUTPUT HEADER FUNCTION)
  set(rows "")
  foreach(file ${ARGN})
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} text)
    string(APPEND rows "      {\"${name}\", R\"=====(${text})=====\"},\n")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  endforeach()
  file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT "// Written by cmake/embed.cmake.
#include \"@HEADER@\"

namespace linnet::recipes {

const std::map<std::string, std::string>& @FUNCTION@() {
  static const std::map<std::string, std::string> files{
@rows@  };
  return files;
}

}  // namespace linnet::recipes
")
endfunction()
