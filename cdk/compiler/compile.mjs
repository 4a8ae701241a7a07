// node compile.mjs MODULES FOLDER: writes a .pyc beside every module in FOLDER and prints Python's version and magic number.
// MODULES is the node_modules folder that holds pyodide: https://pyodide.org/en/stable/usage/api/js-api.html
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [modules, folder] = process.argv.slice(2)
const { loadPyodide } = await import(pathToFileURL(join(modules, 'pyodide', 'pyodide.mjs')).href)
const python = await loadPyodide({ env: { PYTHONHASHSEED: '0' } })
python.FS.mkdirTree('/package')
python.FS.mount(python.FS.filesystems.NODEFS, { root: folder }, '/package')
const told = python.runPython(`
import compileall, importlib.util, json, py_compile, sys
done = compileall.compile_dir(
    '/package', quiet=1, force=True, workers=1, stripdir='/package', prependdir='/var/task',
    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
)
json.dumps([done, f'{sys.version_info.major}.{sys.version_info.minor}', importlib.util.MAGIC_NUMBER.hex()])
`)
process.stdout.write(`\n${told}`)
