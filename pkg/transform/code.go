package transform

import (
	"encoding/json"
	"errors"
	"maps"
	"path"
	"slices"

	"github.com/dop251/goja"
	"github.com/dop251/goja/parser"
)

// maxCode bounds code that a script generates: goja parses it recursively, using up to about 2 KB of stack per byte,
// and Go ends the process when a stack is too large.
const maxCode = 64 << 10

// guardCode makes eval, the function constructors and everything that compiles regular expressions throw a RangeError
// if the text is longer than maxCode.
func (m *machine) guardCode() {
	short := func(text goja.Value) goja.Value {
		if text = text.ToString(); len(text.String()) > maxCode {
			m.refuse("this is too much code")
		}
		return text
	}
	texts := func(args []goja.Value) []goja.Value {
		made := make([]goja.Value, len(args))
		for i, v := range args {
			made[i] = short(v)
		}
		return made
	}
	for _, example := range []string{"(function () {})", "(function* () {})", "(async function () {})"} {
		function, err := m.vm.RunString(example)
		if err != nil {
			panic(err)
		}
		m.guardConstructor(function.(*goja.Object).Get("constructor").(*goja.Object), texts)
	}
	m.guardConstructor(m.member("RegExp"), func(args []goja.Value) []goja.Value { return m.pattern(args, short) })
	m.guard(m.member("RegExp", "prototype"), "compile", func(c *goja.FunctionCall) { c.Arguments = m.pattern(c.Arguments, short) })
	code := func(c *goja.FunctionCall) {
		if v := c.Argument(0); goja.IsString(v) {
			short(v)
		}
	}
	for _, name := range []string{"match", "matchAll", "search"} {
		m.guard(m.member("String", "prototype"), name, code)
	}
	m.guard(m.vm.GlobalObject(), "eval", code) // goja would run eval(...) without any check if eval were its own
}

// pattern returns the arguments of new RegExp, with the text of the pattern passed through short, which checks its
// length.
func (m *machine) pattern(args []goja.Value, short func(goja.Value) goja.Value) []goja.Value {
	if len(args) == 0 || goja.IsUndefined(args[0]) {
		return args
	}
	made := append([]goja.Value{}, args...)
	o, ok := args[0].(*goja.Object)
	switch {
	case !ok:
		made[0] = short(args[0])
	case o.ClassName() == "RegExp":
	case truthy(o.GetSymbol(goja.SymMatch)):
		made[0] = short(o.Get("source"))
		if len(args) < 2 || goja.IsUndefined(args[1]) {
			made = []goja.Value{made[0], o.Get("flags")}
		}
	default:
		made[0] = short(o)
	}
	return made
}

// truthy reports whether v exists and is truthy.
func truthy(v goja.Value) bool { return v != nil && v.ToBoolean() }

// errDeepCode means that a file cannot be parsed.
var errDeepCode = errors.New("code is nested too deep")

// deepCode reports whether brackets in a long text are nested too deep to parse it. Those in strings count too.
func deepCode(text []byte) bool {
	if len(text) <= maxCode {
		return false
	}
	depth := 0
	for _, c := range text {
		switch c {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth = max(depth-1, 0)
		}
		if depth > maxNesting {
			return true
		}
	}
	return false
}

// Syntax returns a mistake for each file that cannot be parsed, with its line. Nothing is run.
func Syntax(files Files) error {
	var mistakes []error
	for _, name := range slices.Sorted(maps.Keys(files)) {
		switch {
		case path.Ext(name) == ".json" && !json.Valid(files[name]):
			mistakes = append(mistakes, &scriptError{where: name, text: "is not valid JSON"})
		case path.Ext(name) != ".js":
		case deepCode(files[name]):
			mistakes = append(mistakes, &scriptError{where: name, text: errDeepCode.Error(), cause: errDeepCode})
		default:
			if err := parse(name, string(files[name])); err != nil {
				mistakes = append(mistakes, err)
			}
		}
	}
	return errors.Join(mistakes...)
}

// parse parses a file like require.
func parse(name, text string) error {
	parsed, err := goja.Parse(name, "(function(exports,require,module,__filename,__dirname){"+text+"\n})", parser.WithDisableSourceMaps)
	if err == nil {
		_, err = goja.CompileAST(parsed, false)
	}
	if syntax, ok := errors.AsType[*goja.CompilerSyntaxError](err); ok {
		return explainSyntax(syntax)
	}
	if err == nil {
		return nil
	}
	return explainSyntax(&goja.CompilerSyntaxError{CompilerError: goja.CompilerError{Message: err.Error()}})
}
