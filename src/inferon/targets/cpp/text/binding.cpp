// Calls compiled models from Python with as little in between as possible.
//
// bind(...) returns a function of arrays. It reads what has the expected form through the buffer
// protocol, in place, and returns None for everything else, without a word: the Python code that
// called it converts the arrays, or says what is wrong with them.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace {

using Evaluate = void (*)(void* workspace, void* const* arrays, std::size_t events);

constexpr std::size_t kMostArrays = 16;
constexpr const char* kModel = "inferon.model";

// An array of one event; the numbers of `shape` are its sizes.
struct Port {
  std::string formats;  // of the struct module: each is a spelling of the item
  Py_ssize_t item_bytes = 0;
  std::vector<Py_ssize_t> shape;
  PyObject* dtype = nullptr;  // of outputs
};

struct Model {
  Evaluate evaluate = nullptr;
  std::size_t workspace_bytes = 0;
  std::vector<Port> inputs, outputs;
  PyObject* empty = nullptr;  // numpy.empty

  ~Model() {
    for (Port& port : outputs) Py_XDECREF(port.dtype);
    Py_XDECREF(empty);
  }
};

// Scratch memory of this thread, for whatever model it calls.
class Workspace {
 public:
  ~Workspace() { std::free(bytes_); }

  void* at_least(std::size_t size) {
    if (size > size_) {
      std::free(bytes_);
      size_ = (size + 63) / 64 * 64;
      bytes_ = std::aligned_alloc(64, size_);
      if (bytes_ == nullptr) size_ = 0;
    }
    return bytes_;
  }

 private:
  void* bytes_ = nullptr;
  std::size_t size_ = 0;
};

thread_local Workspace workspace;

// The buffers of a call, given back at its end.
class Held {
 public:
  ~Held() {
    while (count_ > 0) PyBuffer_Release(&views_[--count_]);
  }

  const Py_buffer* take(PyObject* object, int flags) {
    Py_buffer* view = &views_[count_];
    if (PyObject_GetBuffer(object, view, flags) != 0) return nullptr;
    ++count_;
    return view;
  }

 private:
  std::array<Py_buffer, kMostArrays> views_;
  std::size_t count_ = 0;
};

// Whether a buffer holds events of this form; `events` becomes their number, or has to be it.
bool fits(const Py_buffer& view, const Port& port, Py_ssize_t& events) {
  const char* format = view.format != nullptr ? view.format : "B";
  if (view.itemsize != port.item_bytes || std::strlen(format) != 1) return false;
  if (port.formats.find(*format) == std::string::npos) return false;
  if (reinterpret_cast<std::uintptr_t>(view.buf) % static_cast<std::size_t>(port.item_bytes) != 0)
    return false;
  if (view.ndim != static_cast<int>(port.shape.size()) + 1) return false;
  for (std::size_t axis = 0; axis < port.shape.size(); ++axis)
    if (view.shape[axis + 1] != port.shape[axis]) return false;
  if (events < 0) events = view.shape[0];
  return view.shape[0] == events;
}

PyObject* new_output(const Model& model, const Port& port, Py_ssize_t events) {
  PyObject* shape = PyTuple_New(static_cast<Py_ssize_t>(port.shape.size()) + 1);
  if (shape == nullptr) return nullptr;
  PyTuple_SET_ITEM(shape, 0, PyLong_FromSsize_t(events));
  for (std::size_t axis = 0; axis < port.shape.size(); ++axis)
    PyTuple_SET_ITEM(shape, static_cast<Py_ssize_t>(axis) + 1, PyLong_FromSsize_t(port.shape[axis]));
  PyObject* const arguments[] = {shape, port.dtype};
  PyObject* made = PyObject_Vectorcall(model.empty, arguments, 2, nullptr);
  Py_DECREF(shape);
  return made;
}

void forget(PyObject* capsule) {
  delete static_cast<Model*>(PyCapsule_GetPointer(capsule, kModel));
}

PyObject* call(PyObject* capsule, PyObject* const* arguments, Py_ssize_t count) {
  const auto* model = static_cast<const Model*>(PyCapsule_GetPointer(capsule, kModel));
  if (model == nullptr) return nullptr;
  if (count != static_cast<Py_ssize_t>(model->inputs.size())) Py_RETURN_NONE;
  Held held;
  std::array<void*, kMostArrays> arrays;
  std::size_t next = 0;
  Py_ssize_t events = model->inputs.empty() ? 1 : -1;
  for (const Port& port : model->inputs) {
    const Py_buffer* view = held.take(arguments[next], PyBUF_C_CONTIGUOUS | PyBUF_FORMAT);
    if (view == nullptr) PyErr_Clear();  // no buffer, or not contiguous
    if (view == nullptr || !fits(*view, port, events)) Py_RETURN_NONE;
    arrays[next++] = view->buf;
  }
  PyObject* outputs = PyTuple_New(static_cast<Py_ssize_t>(model->outputs.size()));
  if (outputs == nullptr) return nullptr;
  for (std::size_t i = 0; i < model->outputs.size(); ++i) {
    PyObject* output = new_output(*model, model->outputs[i], events);
    const Py_buffer* view =
        output == nullptr ? nullptr : held.take(output, PyBUF_SIMPLE | PyBUF_WRITABLE);
    if (output != nullptr) PyTuple_SET_ITEM(outputs, static_cast<Py_ssize_t>(i), output);
    if (view == nullptr) {
      Py_DECREF(outputs);
      return nullptr;
    }
    arrays[next++] = view->buf;
  }
  void* scratch = workspace.at_least(model->workspace_bytes);
  if (scratch == nullptr && model->workspace_bytes > 0) {
    Py_DECREF(outputs);
    return PyErr_NoMemory();
  }
  Py_BEGIN_ALLOW_THREADS  // the caller's references keep the arrays alive
  model->evaluate(scratch, arrays.data(), static_cast<std::size_t>(events));
  Py_END_ALLOW_THREADS
  return outputs;
}

PyMethodDef call_method = {
    "predict",
    // Through void(*)(): what Python's own headers do with functions of this kind.
    reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(call)),
    METH_FASTCALL,
    "predict(*inputs): a tuple of outputs, or None where an input has to be converted.",
};

bool read_shape(PyObject* sizes, std::vector<Py_ssize_t>& shape) {
  for (Py_ssize_t axis = 0; axis < PyTuple_GET_SIZE(sizes); ++axis) {
    shape.push_back(PyLong_AsSsize_t(PyTuple_GET_ITEM(sizes, axis)));
    if (PyErr_Occurred() != nullptr) return false;
  }
  return true;
}

bool read_input(PyObject* given, Port& port) {
  const char* formats = nullptr;
  PyObject* sizes = nullptr;
  if (!PyArg_ParseTuple(given, "snO!", &formats, &port.item_bytes, &PyTuple_Type, &sizes))
    return false;
  port.formats = formats;
  return read_shape(sizes, port.shape);
}

bool read_output(PyObject* given, Port& port) {
  PyObject *dtype = nullptr, *sizes = nullptr;
  if (!PyArg_ParseTuple(given, "OO!", &dtype, &PyTuple_Type, &sizes)) return false;
  Py_INCREF(dtype);
  port.dtype = dtype;
  return read_shape(sizes, port.shape);
}

template <class Read>
bool read_all(PyObject* given, std::vector<Port>& ports, Read read) {
  ports.resize(static_cast<std::size_t>(PyTuple_GET_SIZE(given)));
  for (std::size_t i = 0; i < ports.size(); ++i)
    if (!read(PyTuple_GET_ITEM(given, static_cast<Py_ssize_t>(i)), ports[i])) return false;
  return true;
}

PyObject* bind(PyObject*, PyObject* arguments) {
  unsigned long long address = 0;
  Py_ssize_t workspace_bytes = 0;
  PyObject *inputs = nullptr, *outputs = nullptr, *empty = nullptr;
  if (!PyArg_ParseTuple(arguments, "KnO!O!O", &address, &workspace_bytes, &PyTuple_Type, &inputs,
                        &PyTuple_Type, &outputs, &empty))
    return nullptr;
  auto model = std::make_unique<Model>();
  if (!read_all(inputs, model->inputs, read_input)) return nullptr;
  if (!read_all(outputs, model->outputs, read_output)) return nullptr;
  if (model->inputs.size() + model->outputs.size() > kMostArrays) {
    PyErr_SetString(PyExc_ValueError, "more arrays than a call can hold");
    return nullptr;
  }
  model->evaluate = reinterpret_cast<Evaluate>(static_cast<std::uintptr_t>(address));
  model->workspace_bytes = static_cast<std::size_t>(workspace_bytes);
  Py_INCREF(empty);
  model->empty = empty;
  PyObject* capsule = PyCapsule_New(model.get(), kModel, forget);
  if (capsule == nullptr) return nullptr;
  model.release();
  PyObject* function = PyCFunction_NewEx(&call_method, capsule, nullptr);
  Py_DECREF(capsule);
  return function;
}

PyMethodDef methods[] = {
    {"bind", bind, METH_VARARGS, "bind(address, workspace_bytes, inputs, outputs, empty)"},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "inferon_binding", nullptr, -1, methods, nullptr, nullptr, nullptr, nullptr,
};

}  // namespace

PyMODINIT_FUNC PyInit_inferon_binding() { return PyModule_Create(&module); }
