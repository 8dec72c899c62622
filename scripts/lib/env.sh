# Shared by the scripts: a Python environment in .venv, made when it is not there.
# BARYON_PYTHON names the Python of a ready environment instead; nothing is installed into it.

# Where this is set, every start compiles a thousand modules: half of the time of importing the compiler.
unset PYTHONDONTWRITEBYTECODE

find_python() {
  local candidate
  for candidate in python3.11 python3.12 python3.13 python3 python; do
    # run it: a shim of a version manager is found but may have no version behind it
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  echo "error: no Python 3.11 or newer with venv was found; on Debian: apt-get install python3 python3-venv" >&2
  return 1
}

need_compiler() {
  if ! command -v "${CXX:-c++}" >/dev/null; then
    echo "error: no C++ compiler was found; on Debian: apt-get install g++" >&2
    return 1
  fi
}

# ready_python: set PYTHON to the Python to use
ready_python() {
  if [ -n "${BARYON_PYTHON:-}" ]; then
    PYTHON=$BARYON_PYTHON
    return
  fi
  PYTHON=$PWD/.venv/bin/python
  # -m pip instead of its script: an environment that was moved has wrong paths in its scripts
  if ! "$PYTHON" -c '' 2>/dev/null; then
    local base
    base=$(find_python)
    rm -rf .venv
    if command -v uv >/dev/null; then
      uv venv --quiet --python "$base" .venv
    else
      "$base" -m venv .venv
    fi
  fi
}

# ready_baryon MODULES PACKAGE: as ready_python, and install the package where a module is missing;
# Python finds the scripts' own packages
ready_baryon() {
  if [ -z "${BARYON_PYTHON:-}" ] && [ ! -x .venv/bin/python ]; then
    need_compiler
  fi
  ready_python
  if ! "$PYTHON" -c "import $1" 2>/dev/null; then
    need_compiler
    pip_install "$2"
  fi
  export PYTHONPATH="$PWD/scripts${PYTHONPATH:+:$PYTHONPATH}"
}

# pip_install ARGUMENTS...: with uv where it is installed, else with the environment's pip
pip_install() {
  if [ -n "${BARYON_PYTHON:-}" ]; then
    return
  fi
  if command -v uv >/dev/null; then
    uv pip install --quiet --python "$PYTHON" "$@"
  else
    "$PYTHON" -m pip install --quiet --disable-pip-version-check "$@"
  fi
}
