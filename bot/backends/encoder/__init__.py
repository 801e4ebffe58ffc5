"""A BERT-style encoder from a directory in Hugging Face's layout, run by onnxruntime: no torch, no download."""
