import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App.jsx';

createRoot(document.querySelector('main')).render(<StrictMode><App where="/signal" invite={location.hash.slice(1)} /></StrictMode>);
